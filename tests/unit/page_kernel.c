/* Tests the kernel's pfn arithmetic. Everything else here uses the hosted one. */
#include "../../arch/x86_64/include/arch/page.h"

#include <tests/unit/unit.h>

TEST(kernel_addresses)
{
    static const pfn_t pfns[] = {0, 1, 0xfffff, 0x100000, UINT32_MAX, UINT64_C(1) << 32};
    for (unsigned i = 0; i < sizeof pfns / sizeof pfns[0]; i++) {
        uintptr_t address = (uintptr_t)pfn_to_address(pfns[i]);
        CHECK_EQUAL(address, pfns[i] * 4096);
        CHECK_EQUAL(address_to_pfn((const void *)address), pfns[i]);
        CHECK_EQUAL(address_to_pfn((const void *)(address + 4095)), pfns[i]);
    }
}
