/* COM1: a 16550 UART (National Semiconductor PC16550D data sheet). */
#include <arch/cpu.h>
#include <arch/msr.h>
#include <arch/serial.h>
#include <stdint.h>

enum {
    COM1 = 0x3f8,
    PORT_DATA = COM1,           /* with DLAB: divisor, low byte */
    PORT_INTERRUPTS = COM1 + 1, /* with DLAB: divisor, high byte */
    PORT_FIFO = COM1 + 2,
    PORT_LINE_CONTROL = COM1 + 3,
    PORT_MODEM_CONTROL = COM1 + 4,
    PORT_LINE_STATUS = COM1 + 5,
    PORT_SCRATCH = COM1 + 7,
    LINE_8N1 = 0x03,
    LINE_DLAB = 0x80,
    FIFO_ON_AND_CLEAR = 0x07,
    MODEM_READY = 0x0b, /* DTR, RTS, OUT2 */
    STATUS_CAN_SEND = 0x20,
    STATUS_ALL_SENT = 0x40,
    FIFO_SIZE = 16,
    /* About 10 s: a port read takes about 1 us. 16 characters at 115200 baud take 1.4 ms. */
    WAIT_TURNS = 10000000,
};

static bool present;
static bool stalled; /* the port did not become ready in the last wait */

bool serial_init(void)
{
    /* If no chip answers, the bus reads all ones. */
    port_write8(PORT_SCRATCH, 0x5a);
    present = port_read8(PORT_SCRATCH) == 0x5a && port_read8(PORT_LINE_STATUS) != 0xff;
    if (!present)
        return false;
    port_write8(PORT_INTERRUPTS, 0);
    port_write8(PORT_LINE_CONTROL, LINE_DLAB);
    port_write8(PORT_DATA, 1); /* 115200 baud */
    port_write8(PORT_INTERRUPTS, 0);
    port_write8(PORT_LINE_CONTROL, LINE_8N1);
    port_write8(PORT_FIFO, FIFO_ON_AND_CLEAR);
    port_write8(PORT_MODEM_CONTROL, MODEM_READY);
    return true;
}

/* Wait, bounded, until the chip shows one of these bits. After a wait in vain, later calls look
 * only once. */
static bool wait_for(uint8_t status)
{
    for (unsigned turn = 0; turn < (stalled ? 1 : WAIT_TURNS); turn++) {
        if (port_read8(PORT_LINE_STATUS) & status) {
            stalled = false;
            return true;
        }
        cpu_relax();
    }
    stalled = true;
    return false;
}

void serial_write(const char *bytes, size_t size)
{
    for (size_t i = 0; present && i < size; i++) {
        if (i % FIFO_SIZE == 0 && !wait_for(STATUS_CAN_SEND))
            return;
        port_write8(PORT_DATA, (uint8_t)bytes[i]);
    }
}

void serial_flush(void)
{
    if (present)
        wait_for(STATUS_ALL_SENT);
}
