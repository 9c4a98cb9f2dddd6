/*
 * For allocators under test: a false assertion ends the run as "panic", with the expression and its
 * place. There is no include guard, because NDEBUG can differ at each inclusion (C11 7.2).
 */
#ifdef __cplusplus
extern "C"
#endif
    _Noreturn void
    __assert_fail(const char *expression, const char *file, unsigned line, const char *function);

#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition) \
    ((condition) ? (void)0 : __assert_fail(#condition, __FILE__, __LINE__, __func__))
#endif

#if !defined(__cplusplus) && !defined(static_assert)
#define static_assert _Static_assert
#endif
