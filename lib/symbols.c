#include <lib/printf.h>
#include <lib/symbols.h>

/* Made by ci/symbols: addresses in rising order, the last one the end of the text; names back to
 * back. */
extern const uint32_t symbol_count;
extern const uint32_t symbol_addresses[];
extern const uint32_t symbol_names[]; /* offsets into symbol_text */
extern const char symbol_text[];

const char *symbol_find(uint64_t address, uint64_t *offset)
{
    uint32_t low = 0, high = symbol_count;

    if (!high || address < symbol_addresses[0] || address >= symbol_addresses[high])
        return NULL;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (symbol_addresses[middle] <= address)
            low = middle;
        else
            high = middle;
    }
    *offset = address - symbol_addresses[low];
    return symbol_text + symbol_names[low];
}

/* By the function that lies `before` bytes before the address. */
static char *format_by(char *text, size_t size, uint64_t address, unsigned before)
{
    uint64_t offset = 0;
    const char *name = symbol_find(address - before, &offset);

    if (name)
        format_text(text, size, "%s+0x%lx", name, offset + before);
    else
        format_text(text, size, "0x%lx", address);
    return text;
}

char *symbol_format(char *text, size_t size, uint64_t address)
{
    return format_by(text, size, address, 0);
}

char *symbol_format_return(char *text, size_t size, uint64_t address)
{
    return format_by(text, size, address, 1);
}
