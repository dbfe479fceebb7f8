#pragma once

#include <cstddef>
#include <span>

#include "device/cpu/groups.h"

namespace striate::cpu {

std::size_t backward_data_scratch(int threads, const Group& g);
void backward_data_group(const Threads& threads, const Group& g, const ConstView& dy,
                         const ConstView& w, const View& dx, bool accumulate,
                         std::span<std::byte> memory);

}  // namespace striate::cpu
