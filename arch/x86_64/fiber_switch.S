/* fiber_switch(from, to): arch/fiber.h. */
    .section .text
    .globl fiber_switch
    .type fiber_switch, @function
fiber_switch:
    .cfi_startproc
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .cfi_endproc
    .size fiber_switch, . - fiber_switch
    .section .note.GNU-stack, "", @progbits
