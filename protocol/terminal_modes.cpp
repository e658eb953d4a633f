// The table of RFC 4254, section 8: characters, flags and speeds.
#include "protocol/terminal_modes.h"

#include <algorithm>
#include <array>

namespace farhand {
namespace {

struct CharacterMode {
  std::uint8_t number;
  std::size_t index;  // of c_cc
};
// What other systems have beyond these (11 VDSUSP, 15 VFLUSH, 17 VSTATUS) Linux does not.
constexpr std::array kCharacters{
    CharacterMode{1, VINTR},   CharacterMode{2, VQUIT},  CharacterMode{3, VERASE},    CharacterMode{4, VKILL},
    CharacterMode{5, VEOF},    CharacterMode{6, VEOL},   CharacterMode{7, VEOL2},     CharacterMode{8, VSTART},
    CharacterMode{9, VSTOP},   CharacterMode{10, VSUSP}, CharacterMode{12, VREPRINT}, CharacterMode{13, VWERASE},
    CharacterMode{14, VLNEXT}, CharacterMode{16, VSWTC}, CharacterMode{18, VDISCARD},
};

struct FlagMode {
  std::uint8_t number;
  tcflag_t termios::*flags;
  tcflag_t mask;
  tcflag_t value;  // of the bits under the mask, when it is on
};
constexpr FlagMode flag(std::uint8_t number, tcflag_t termios::*flags, tcflag_t bit) {
  return {number, flags, bit, bit};
}
constexpr std::array kFlags{
    flag(30, &termios::c_iflag, IGNPAR),         flag(31, &termios::c_iflag, PARMRK),
    flag(32, &termios::c_iflag, INPCK),          flag(33, &termios::c_iflag, ISTRIP),
    flag(34, &termios::c_iflag, INLCR),          flag(35, &termios::c_iflag, IGNCR),
    flag(36, &termios::c_iflag, ICRNL),          flag(37, &termios::c_iflag, IUCLC),
    flag(38, &termios::c_iflag, IXON),           flag(39, &termios::c_iflag, IXANY),
    flag(40, &termios::c_iflag, IXOFF),          flag(41, &termios::c_iflag, IMAXBEL),
    flag(42, &termios::c_iflag, IUTF8),          flag(50, &termios::c_lflag, ISIG),
    flag(51, &termios::c_lflag, ICANON),         flag(52, &termios::c_lflag, XCASE),
    flag(53, &termios::c_lflag, ECHO),           flag(54, &termios::c_lflag, ECHOE),
    flag(55, &termios::c_lflag, ECHOK),          flag(56, &termios::c_lflag, ECHONL),
    flag(57, &termios::c_lflag, NOFLSH),         flag(58, &termios::c_lflag, TOSTOP),
    flag(59, &termios::c_lflag, IEXTEN),         flag(60, &termios::c_lflag, ECHOCTL),
    flag(61, &termios::c_lflag, ECHOKE),         flag(62, &termios::c_lflag, PENDIN),
    flag(70, &termios::c_oflag, OPOST),          flag(71, &termios::c_oflag, OLCUC),
    flag(72, &termios::c_oflag, ONLCR),          flag(73, &termios::c_oflag, OCRNL),
    flag(74, &termios::c_oflag, ONOCR),          flag(75, &termios::c_oflag, ONLRET),
    FlagMode{90, &termios::c_cflag, CSIZE, CS7}, FlagMode{91, &termios::c_cflag, CSIZE, CS8},
    flag(92, &termios::c_cflag, PARENB),         flag(93, &termios::c_cflag, PARODD),
};

struct SpeedCode {
  speed_t code;
  std::uint32_t bauds;
};
constexpr std::array kSpeeds{
    SpeedCode{B50, 50},         SpeedCode{B75, 75},         SpeedCode{B110, 110},     SpeedCode{B134, 134},
    SpeedCode{B150, 150},       SpeedCode{B200, 200},       SpeedCode{B300, 300},     SpeedCode{B600, 600},
    SpeedCode{B1200, 1200},     SpeedCode{B1800, 1800},     SpeedCode{B2400, 2400},   SpeedCode{B4800, 4800},
    SpeedCode{B9600, 9600},     SpeedCode{B19200, 19200},   SpeedCode{B38400, 38400}, SpeedCode{B57600, 57600},
    SpeedCode{B115200, 115200}, SpeedCode{B230400, 230400},
};
constexpr std::uint8_t kInputSpeed = 128;
constexpr std::uint8_t kOutputSpeed = 129;

constexpr std::uint32_t kNoCharacter = 255;  // on the wire; on this system 0 (_POSIX_VDISABLE)

void add_speed(std::vector<TerminalMode>& modes, std::uint8_t number, speed_t code) {
  const auto known = std::find_if(kSpeeds.begin(), kSpeeds.end(), [code](const auto& s) { return s.code == code; });
  if (known != kSpeeds.end()) modes.push_back({number, known->bauds});
}

bool apply_character(const TerminalMode& mode, termios& settings) noexcept {
  for (const CharacterMode& each : kCharacters) {
    if (each.number != mode.number) continue;
    if (mode.value <= 255) settings.c_cc[each.index] = mode.value == kNoCharacter ? 0 : static_cast<cc_t>(mode.value);
    return true;
  }
  return false;
}

// A width of characters is chosen, and never merely taken away.
bool apply_flag(const TerminalMode& mode, termios& settings) noexcept {
  for (const FlagMode& each : kFlags) {
    if (each.number != mode.number) continue;
    tcflag_t& flags = settings.*each.flags;
    if (mode.value != 0) {
      flags = (flags & ~each.mask) | each.value;
    } else if (each.mask != CSIZE) {
      flags &= ~each.mask;
    }
    return true;
  }
  return false;
}

void apply_speed(const TerminalMode& mode, termios& settings) noexcept {
  for (const SpeedCode& each : kSpeeds) {
    if (each.bauds != mode.value) continue;
    if (mode.number == kInputSpeed) ::cfsetispeed(&settings, each.code);
    if (mode.number == kOutputSpeed) ::cfsetospeed(&settings, each.code);
  }
}

}  // namespace

std::vector<TerminalMode> modes_of(const termios& settings) {
  std::vector<TerminalMode> modes;
  for (const CharacterMode& each : kCharacters) {
    const cc_t character = settings.c_cc[each.index];
    modes.push_back({each.number, character == 0 ? kNoCharacter : character});
  }
  for (const FlagMode& each : kFlags) {
    modes.push_back({each.number, (settings.*each.flags & each.mask) == each.value ? 1U : 0U});
  }
  add_speed(modes, kInputSpeed, ::cfgetispeed(&settings));
  add_speed(modes, kOutputSpeed, ::cfgetospeed(&settings));
  return modes;
}

void apply_modes(const std::vector<TerminalMode>& modes, termios& settings) noexcept {
  for (const TerminalMode& mode : modes) {
    if (apply_character(mode, settings) || apply_flag(mode, settings)) continue;
    apply_speed(mode, settings);
  }
}

}  // namespace farhand
