#pragma once

#include "striate/draw/canvas.h"

namespace striate::draw {

/// Colors that the drawings share. Right and wrong are a blue and a vermilion that color-blind
/// readers can tell apart (Okabe and Ito), and never the only sign.
inline constexpr Color kPaper = Color::rgb(0xffffff);
inline constexpr Color kInk = Color::rgb(0x20262e);
inline constexpr Color kSoftInk = Color::rgb(0x5f6b7a);
inline constexpr Color kGrid = Color::rgb(0xe3e7ec);
inline constexpr Color kRight = Color::rgb(0x0072b2);
inline constexpr Color kWrong = Color::rgb(0xd55e00);

}  // namespace striate::draw
