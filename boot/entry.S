/*
 * From the boot loader to C: the multiboot2 header, the PVH note, and the switch from 32-bit
 * protected mode to long mode, which both protocols share.
 *
 * Both enter with paging off, flat segments, interrupts off and a physical address in EBX
 * (Multiboot2 specification 2.0, 3.3; Xen docs/misc/pvh.pandoc). This code maps memory below 4 GiB
 * one to one, writable and executable. memory_setup() (boot/memory.c) replaces that map.
 */

#define MULTIBOOT2_MAGIC  0xe85250d6
#define PVH_MAGIC         0x336ec578
#define PVH_ENTRY_NOTE    18 /* XEN_ELFNOTE_PHYS32_ENTRY */

#define CR0_BITS          0x80010033 /* PG, WP, NE, ET, MP, PE */
#define CR4_PAE           0x20
#define MSR_EFER          0xc0000080
#define EFER_LME          0x100

#define MAP_TABLE         0x3  /* present, writable */
#define MAP_LARGE         0x83 /* present, writable, 2 MiB */

#define COM1              0x3f8

    .section .multiboot2, "a"
    .balign 8
header:
    .long MULTIBOOT2_MAGIC
    .long 0 /* i386, protected mode */
    .long header_end - header
    .long -(MULTIBOOT2_MAGIC + 0 + (header_end - header))
    /* Information request: command line, memory map. Without a map there is nothing to test. */
    .balign 8
    .short 1, 0
    .long 16
    .long 1, 6
    .balign 8
    .short 0, 0
    .long 8
header_end:

    .section .note.Xen, "a"
    .balign 4
    .long 4, 8, PVH_ENTRY_NOTE
    .asciz "Xen"
    .quad start_pvh

    .section .text.boot, "ax"
    .code32
    .globl start_pvh
start_pvh:
    movl $PVH_MAGIC, %eax

    .globl start_multiboot2
    .type start_multiboot2, @function
start_multiboot2:
    cli
    cld
    movl $boot_stack_top, %esp
    movl %eax, %edi /* the first two arguments of kernel_main */
    movl %ebx, %esi

    /* Long mode is CPUID 0x80000001, EDX bit 29. First check that this leaf exists. */
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode

    movl $boot_pdpt + MAP_TABLE, boot_pml4
    xorl %ecx, %ecx
1:  movl %ecx, %eax
    shll $12, %eax
    addl $boot_directories + MAP_TABLE, %eax
    movl %eax, boot_pdpt(, %ecx, 8)
    incl %ecx
    cmpl $4, %ecx
    jb 1b
    xorl %ecx, %ecx
2:  movl %ecx, %eax
    shll $21, %eax
    orl $MAP_LARGE, %eax
    movl %eax, boot_directories(, %ecx, 8)
    incl %ecx
    cmpl $2048, %ecx
    jb 2b

    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    wrmsr
    movl $CR0_BITS, %eax
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $8, $start_long_mode

no_long_mode:
    movl $no_long_mode_text, %esi
3:  movl $COM1 + 5, %edx
    movl $100000, %ecx
4:  inb %dx, %al
    testb $0x20, %al
    jnz 5f
    loop 4b
5:  lodsb
    testb %al, %al
    jz 6f
    movl $COM1, %edx
    outb %al, %dx
    jmp 3b
6:  hlt
    jmp 6b

    .code64
start_long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $boot_stack_top, %esp
    movl %edi, %edi /* the upper halves are undefined after the mode switch */
    movl %esi, %esi
    xorl %ebp, %ebp /* the end of every backtrace */
    call kernel_main
7:  cli
    hlt
    jmp 7b
    .size start_multiboot2, . - start_multiboot2

    .section .rodata.boot, "a"
no_long_mode_text:
    .asciz "\r\nKTAP version 1\r\n1..0\r\nBail out! machine: this processor has no 64-bit mode\r\n"
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code */
    .quad 0x00cf93000000ffff /* data */
boot_gdt_pointer:
    .short . - boot_gdt - 1
    .long boot_gdt

    .section .bss
    .balign 4096
boot_pml4:
    .skip 4096
boot_pdpt:
    .skip 4096
boot_directories:
    .skip 4 * 4096

    .section .note.GNU-stack, "", @progbits
