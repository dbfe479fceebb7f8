#pragma once

namespace striate {

/// Where the sources lie and the command that was built. Named in one file alone, so that compiler
/// caches serve every checkout.
extern const char* const kSourceFolder;
extern const char* const kCommand;

}  // namespace striate
