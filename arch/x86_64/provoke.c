#include <arch/provoke.h>
#include <arch/trap.h>

static void (*provoked)(void);

static void on_interrupt(struct trap_frame *frame)
{
    (void)frame;
    provoked();
}

void arch_provoke_interrupt(void (*handler)(void))
{
    provoked = handler;
    trap_set_interrupt(VECTOR_PROVOKE, on_interrupt);
    __asm__ volatile("int %0" : : "i"(VECTOR_PROVOKE) : "memory");
}
