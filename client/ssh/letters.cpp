// The letters of ssh(1), OpenSSH 9.2.
#include "client/ssh/letters.h"

#include <algorithm>
#include <array>

namespace farhand {
namespace {

using enum SshLetterUse;

constexpr bool kWord = true;
constexpr bool kAlone = false;

constexpr auto kLetters = std::to_array<SshLetter>({
    {'1', kAlone, kRefused, "", "version 1 of ssh's protocol is gone"},
    {'2', kAlone},
    {'4', kAlone, kSets, "addressfamily", "inet"},
    {'6', kAlone, kSets, "addressfamily", "inet6"},
    {'A', kAlone, kSets, "forwardagent", "yes"},
    {'B', kWord},
    {'C', kAlone},
    {'D', kWord, kSets, "dynamicforward"},
    {'E', kWord, kLogFile},
    {'F', kWord, kOwnFile},
    {'G', kAlone, kShow},
    {'I', kWord},
    {'J', kWord, kSets, "proxyjump"},
    {'K', kAlone},
    {'L', kWord, kSets, "localforward"},
    {'M', kAlone, kSets, "controlmaster", "yes"},
    {'N', kAlone, kSets, "sessiontype", "none"},
    {'O', kWord, kControl},
    {'P', kAlone, kRefused, "", "it takes a word in some versions of ssh and none in others"},
    {'Q', kWord, kQuery},
    {'R', kWord, kSets, "remoteforward"},
    {'S', kWord, kSets, "controlpath"},
    {'T', kAlone, kTerminal},
    {'V', kAlone, kVersion},
    {'W', kWord, kRefused, "", "farhand forwards no ports"},
    {'X', kAlone, kSets, "forwardx11", "yes"},
    {'Y', kAlone, kSets, "forwardx11", "yes"},
    {'a', kAlone, kSets, "forwardagent", "no"},
    {'b', kWord},
    {'c', kWord},
    {'e', kWord, kSets, "escapechar"},
    {'f', kAlone, kSets, "forkafterauthentication", "yes"},
    {'g', kAlone},
    {'i', kWord},
    {'k', kAlone},
    {'l', kWord, kSets, "user"},
    {'m', kWord},
    {'n', kAlone, kSets, "stdinnull", "yes"},
    {'o', kWord, kAssigns},
    {'p', kWord, kSets, "port"},
    {'q', kAlone, kSets, "loglevel", "quiet"},
    {'s', kAlone, kSets, "sessiontype", "subsystem"},
    {'t', kAlone, kTerminal},
    {'v', kAlone, kVerbose},
    {'w', kWord, kSets, "tunnel"},
    {'x', kAlone, kSets, "forwardx11", "no"},
    {'y', kAlone},
});

}  // namespace

const SshLetter* find_ssh_letter(char letter) noexcept {
  const auto* const found =
      std::find_if(kLetters.begin(), kLetters.end(), [letter](const SshLetter& each) { return each.letter == letter; });
  return found == kLetters.end() ? nullptr : found;
}

}  // namespace farhand
