#include <arch/apic.h>
#include <arch/trap.h>
#include <arch/work.h>

static void (*work_handler)(void);

static void on_work(struct trap_frame *frame)
{
    (void)frame;
    work_handler();
}

void work_set_handler(void (*handler)(void))
{
    work_handler = handler;
    trap_set_interrupt(VECTOR_WORK, on_work);
}

void work_send(uint32_t apic_id)
{
    apic_send_interrupt(apic_id, VECTOR_WORK);
}
