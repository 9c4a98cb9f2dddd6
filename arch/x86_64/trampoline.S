/*
 * An application processor starts here, in real mode with CS:IP = page >> 4 : 0. It sets PE and PG
 * in one step: the manuals describe two (SDM 3, 9.8.5), but every 64-bit processor accepts one.
 * Then it calls the given entry. startup.c copies this page and fills in what depends on its
 * address.
 */
#define MSR_EFER 0xc0000080
#define CR0_BITS 0x80010033 /* PG, WP, NE, ET, MP, PE; caches on */
#define CR4_PAE  0x20

    .section .rodata.trampoline, "a"
    .balign 16
    .code16
    .globl trampoline_start
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    lgdtl trampoline_gdt_pointer - trampoline_start
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl trampoline_data - trampoline_start, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    movl trampoline_data - trampoline_start + 4, %eax
    xorl %edx, %edx
    wrmsr
    movl $CR0_BITS, %eax
    movl %eax, %cr0
    ljmpl *(trampoline_far_pointer - trampoline_start)

    .code64
    .globl trampoline_long_mode
trampoline_long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq trampoline_data + 8(%rip), %rsp
    movq trampoline_data + 16(%rip), %rdi
    movq trampoline_data + 24(%rip), %rsi
    xorl %ebp, %ebp
    pushq $0 /* a return address of 0 ends every backtrace, and aligns the stack for the ABI */
    jmpq *trampoline_data + 32(%rip)

    .balign 8
    .globl trampoline_gdt, trampoline_gdt_pointer, trampoline_far_pointer
trampoline_gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* 64-bit code */
    .quad 0x00cf93000000ffff /* data */
trampoline_gdt_pointer:
    .short 23
    .long 0
trampoline_far_pointer:
    .long 0
    .short 8

    .balign 8
    .globl trampoline_data
trampoline_data:
    .skip 40
    .globl trampoline_end
trampoline_end:

    .section .note.GNU-stack, "", @progbits
