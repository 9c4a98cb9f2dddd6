/* Sets up a core's descriptor tables and GS base. */
#include <arch/msr.h>
#include <arch/setup.h>
#include <arch/trap.h>
#include <lib/string.h>

static void make_gdt(struct segments *segments)
{
    uint64_t base = (uintptr_t)&segments->tss;
    uint64_t limit = sizeof(segments->tss) - 1;

    segments->gdt[0] = 0;
    segments->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffff;
    segments->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffff;
    /* Available 64-bit TSS; the base is in four pieces (SDM 3, figure 8-4). */
    segments->gdt[SELECTOR_TSS / 8] =
        limit | (base & 0xffffff) << 16 | (uint64_t)0x89 << 40 | (base >> 24 & 0xff) << 56;
    segments->gdt[SELECTOR_TSS / 8 + 1] = base >> 32;
}

static void load_gdt(const struct segments *segments)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(segments->gdt) - 1, (uintptr_t)segments->gdt};

    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "movl %2, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs\n\t"
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(SELECTOR_CODE), "i"(SELECTOR_DATA), "r"(SELECTOR_TSS)
                     : "rax", "memory");
}

void cpu_setup(struct core_local *local, struct core_stacks *stacks)
{
    struct segments *segments = &local->segments;

    memset(&segments->tss, 0, sizeof(segments->tss));
    for (unsigned i = 0; i < IST_COUNT - 1; i++)
        segments->tss.ist[i] = (uintptr_t)(stacks->ist[i].bytes + STACK_IST_SIZE);
    segments->tss.io_map = sizeof(segments->tss);
    make_gdt(segments);
    load_gdt(segments);
    trap_load();
    local->self = local;
    msr_write(MSR_GS_BASE, (uintptr_t)local);
}

bool cpu_is_virtual(void)
{
    return cpuid(1, 0).ecx >> 31 & 1;
}

void cpu_brand(char *text)
{
    memset(text, 0, 49);
    if (cpuid(0x80000000, 0).eax < 0x80000004)
        return;
    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid_result part = cpuid(0x80000002 + i, 0);
        memcpy(text + 16 * i, &part, 16);
    }
}
