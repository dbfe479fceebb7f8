#pragma once

#include <cstddef>
#include <span>

#include "device/cpu/groups.h"

namespace striate::cpu {

std::size_t backward_weights_scratch(int threads, const Group& g);
void backward_weights_group(const Threads& threads, const Group& g, const ConstView& x,
                            const ConstView& dy, const View& dw, bool accumulate,
                            std::span<std::byte> memory);

}  // namespace striate::cpu
