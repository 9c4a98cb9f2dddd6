/*
 * The instructions that probe.c tries. If an access faults, probe_trap() continues at probe_return
 * with the result in rax.
 */
#define PATTERN    0x5a00             /* as in probe.c */
#define MARK       0x50b3d1c7a96e2f48 /* as in probe.c */
#define NMI        2

    .text

    .globl probe_read
    .type probe_read, @function
probe_read:
    .cfi_startproc
    xorl %eax, %eax
    .globl probe_read_at
probe_read_at:
    movb (%rdi), %cl
    .globl probe_return
probe_return:
    ret
    .cfi_endproc
    .size probe_read, . - probe_read

    .globl probe_write
    .type probe_write, @function
probe_write:
    .cfi_startproc
    xorl %eax, %eax
    movb (%rdi), %cl
    .globl probe_write_at
probe_write_at:
    movb %cl, (%rdi)
    ret
    .cfi_endproc
    .size probe_write, . - probe_write

    /* The executed instruction is a `ret` to our caller. MARK tells its fault from that of a wild
     * call. */
    .globl probe_execute
    .type probe_execute, @function
probe_execute:
    .cfi_startproc
    xorl %eax, %eax
    movabsq $MARK, %r11
    jmpq *%rdi
    .cfi_endproc
    .size probe_execute, . - probe_execute

    /* Set each register but rsp to its own value, in the frame's order, and trap. Then 0 in rax
     * means that the frame had these values; check the registers themselves, too. Returns 0, or 1 +
     * the index of what differs; 17 more if it differs only after the trap. */
    .globl probe_registers
    .type probe_registers, @function
probe_registers:
    .cfi_startproc
    .irp name, rbx, rbp, r12, r13, r14, r15
    pushq %\name
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \name, 0
    .endr
    .set index, 0
    .irp name, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    movq $PATTERN + index, %\name
    .set index, index + 1
    .endr
    int $NMI
    .globl probe_interrupted
probe_interrupted:
    testq %rax, %rax
    jnz 1f
    .set index, 0
    .irp name, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx
    movl $index + 18, %eax
    cmpq $PATTERN + index, %\name
    jne 1f
    .set index, index + 1
    .endr
    xorl %eax, %eax
1:  .irp name, r15, r14, r13, r12, rbp, rbx
    popq %\name
    .cfi_adjust_cfa_offset -8
    .cfi_restore \name
    .endr
    ret
    .cfi_endproc
    .size probe_registers, . - probe_registers

    .section .note.GNU-stack, "", @progbits
