/* escape_run(escape, function, context), escape_leave(escape): arch/escape.h. */
    .section .text
    .globl escape_run
    .type escape_run, @function
escape_run:
    .cfi_startproc
    pushq %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    movq %rsp, %rbp         /* a stack frame, for backtraces */
    .cfi_def_cfa_register %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rdi              /* also aligns the stack for the call */
    movq %rsp, (%rdi)
    movq %rdx, %rdi
    callq *%rsi
    xorl %eax, %eax
escape_end:
    popq %rdi
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size escape_run, . - escape_run

    .globl escape_leave
    .type escape_leave, @function
escape_leave:
    .cfi_startproc
    movq (%rdi), %rsp
    movl $1, %eax
    jmp escape_end
    .cfi_endproc
    .size escape_leave, . - escape_leave
    .section .note.GNU-stack, "", @progbits
