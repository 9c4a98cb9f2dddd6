/* Where pages are mapped in place addresses are the kernel's, and so is this. */
#pragma once

#include <arch/x86_64/include/arch/page.h>
