// The one function that makes foreign text fit for a terminal or a log.
//
// Everything that came from a peer, from a file name or from a program passes through here before a person sees it:
// an escape sequence in a name must not be able to paint over a terminal or forge a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace farhand {

// Longest text that is shown from a peer; what is cut off is marked with "...". 1 KiB is some 12 lines on a terminal.
inline constexpr std::size_t kDisplayBytes = 1024;

// `text` with everything written as \xNN that is not printable UTF-8: control bytes (C0, DEL, C1), invalid sequences,
// and the characters that change the direction of text or hide (U+00AD, U+061C, U+180E, U+200B..U+200F,
// U+2028..U+202E, U+2060..U+2064, U+2066..U+2069, U+FEFF, U+E0000..U+E007F). A newline becomes \n, a tab \t, a carriage
// return \r, a backslash \\. At most about `limit` bytes of input are shown.
std::string escape_for_display(std::string_view text, std::size_t limit = kDisplayBytes);

// The same for a sentence that the other side has made, with names in it that are escaped already: backslashes stay as
// they are.
std::string sentence_for_display(std::string_view sentence, std::size_t limit = kDisplayBytes);

// escape_for_display between single quotes: how a name is written within a sentence.
std::string quoted(std::string_view text);

}  // namespace farhand
