// The pairing code: what an invited client needs: the server's pin, so that it cannot be deceived, and a secret, so
// that the server knows whom it invited.
//
// Format: 80 characters of Crockford's base32 (either case; o is 0, i and l are 1; hyphens and blanks are skipped):
//         32 bytes pin, 16 bytes secret, 2 bytes CRC-16/CCITT-FALSE over both, high byte first, so that a slip of the
//         hand is told as such.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/stream/tls_context.h"

namespace farhand {

using PairingSecret = std::array<std::uint8_t, 16>;

struct PairingCode {
  KeyPin server{};
  PairingSecret secret{};
};

std::string pairing_code_text(const PairingCode& code);
Result<PairingCode> parse_pairing_code(std::string_view text);  // kUsage, with a sentence that never shows the code

}  // namespace farhand
