#include "device/reference/reference_device.h"

namespace striate {

std::unique_ptr<Device> make_reference_device() { return std::make_unique<ReferenceDevice>(); }

}  // namespace striate
