// The preview of a message (RFC 8970): a line for people, of its text or, in words of ours, of what it is. It depends
// on the octets alone, so that it is made once; words of ours are English here and said in the user's language later
// (imap/response/language.h).
// Runs on: the thread of the ByteSource; the rest anywhere.
#pragma once

#include "base/byte_source.h"
#include "base/limits.h"
#include "imap/mime/part_map.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap {

inline constexpr std::size_t kPreviewCharacters = 200;  // RFC 8970 3.3

struct Preview {
  std::string ours;  // a phrase of the catalogues: "Photo", "File report.pdf"; empty: the text stands alone
  std::string text;  // of the message, valid UTF-8 in one line
  // Of a voice message: the section number of the sound, whose length could be told. Not stored.
  std::vector<std::uint32_t> sound;
  bool operator==(const Preview&) const = default;
};

// Reads headers and at most some 64 KiB of the text, whatever the size of the message. Both are empty when there is
// nothing to say.
[[nodiscard]] Preview make_preview(ByteSource& octets, const mime::PartMap& parts, const Limits& limits);

// As it is stored; none for what another release wrote: then it is made again.
[[nodiscard]] std::string encode(const Preview& preview);
[[nodiscard]] std::optional<Preview> decode_preview(std::string_view stored);

// The beginning: at most kPreviewCharacters whole characters.
[[nodiscard]] std::string cut_preview(std::string text);

// -- parts of it, for tests

// Plain text without quotations, the lines that announce them, and what follows a signature's "-- ". All of it when
// nothing else is there. One line.
[[nodiscard]] std::string plain_preview(std::string_view utf8);
// HTML as text: no markup, scripts, styles and quotations; entities resolved.
[[nodiscard]] std::string html_preview(std::string_view utf8);

}  // namespace cpm::imap
