/* Stand-in for StACSOS's lib/inc/stacsos/helpers.h. */
#pragma once

namespace stacsos
{
template <typename T>
struct remove_reference {
    using type = T;
};
template <typename T>
struct remove_reference<T &> {
    using type = T;
};
template <typename T>
struct remove_reference<T &&> {
    using type = T;
};
template <typename T>
using remove_reference_type = typename remove_reference<T>::type;

template <typename T>
constexpr remove_reference_type<T> &&move(T &&value) noexcept
{
    return static_cast<remove_reference_type<T> &&>(value);
}

template <typename T>
constexpr T &&forward(remove_reference_type<T> &value) noexcept
{
    return static_cast<T &&>(value);
}

template <typename T>
constexpr void swap(T &left, T &right) noexcept
{
    T old = move(left);
    left = move(right);
    right = move(old);
}
} // namespace stacsos
