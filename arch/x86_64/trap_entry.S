/*
 * One stub per vector, and their common call of trap_dispatch(). The kernel never leaves ring 0, so
 * there is no swapgs. The CFI lines let gdb unwind the frame (DWARF 4, 6.4). They cover every
 * instruction from the stub's first one on, since an NMI may come between any two.
 */
    .text

    /* rip, cs, rflags, rsp and ss are on the stack, `bytes` above rsp. */
    .macro frame_is_at bytes
    .cfi_def_cfa rsp, \bytes
    .cfi_offset rip, 0
    .cfi_offset 49, 16 /* rflags: clang knows only its number (System V psABI AMD64, figure 3.36) */
    .cfi_offset rsp, 24
    .endm

    .balign 16
    .globl trap_stubs
    .type trap_stubs, @function
trap_stubs:
    .cfi_startproc simple
    .cfi_signal_frame
    frame_is_at 0
    .set vector, 0
    .rept 256
    .balign 16
    /* Not for the vectors where the processor pushes an error code itself (SDM 3, table 6-1). */
    .if (vector != 8) && (vector < 10 || vector > 14) && (vector != 17) && (vector != 21) && (vector != 29) && (vector != 30)
    .cfi_def_cfa rsp, 0
    pushq $0
    .endif
    .cfi_def_cfa rsp, 8
    pushq $vector
    .cfi_def_cfa rsp, 16
    jmp trap_common
    .set vector, vector + 1
    .endr
    .cfi_endproc
    .size trap_stubs, . - trap_stubs

    .macro push_register name
    pushq %\name
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \name, 0
    .endm

    .macro pop_register name
    popq %\name
    .cfi_adjust_cfa_offset -8
    .cfi_restore \name
    .endm

    .globl trap_common
    .type trap_common, @function
trap_common:
    .cfi_startproc simple
    .cfi_signal_frame
    frame_is_at 16 /* above vector and error code */
    cld
    .irp name, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
    push_register \name
    .endr
    movq %rsp, %rdi
    call trap_dispatch
    .irp name, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
    pop_register \name
    .endr
    addq $16, %rsp
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
    .size trap_common, . - trap_common

    .section .note.GNU-stack, "", @progbits
