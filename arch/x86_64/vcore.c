#include <arch/vcore.h>

static void (*handler)(void);

static void on_interrupt(struct trap_frame *frame)
{
    (void)frame;
    handler();
}

void vcore_set_interrupt(void (*new_handler)(void))
{
    handler = new_handler;
    trap_set_interrupt(VECTOR_EXPLORE, on_interrupt);
}
