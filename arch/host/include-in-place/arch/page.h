/* For pages that are mapped in place (host.h): addresses as in the kernel, so its header fits. */
#pragma once

#include <arch/x86_64/include/arch/page.h>
