#include "imap/cpm/text.h"

#include "imap/mime/charset.h"
#include "imap/mime/header.h"

#include <algorithm>

namespace cpm::imap::cpm_objects {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

bool is_space(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }

std::string valid_utf8(std::string_view text) {
  std::string out = is_ascii(text) ? std::string(text) : mime::to_utf8(text, "utf-8").value_or("");
  std::erase(out, '\0');
  return out;
}

void cut(std::string& text, std::size_t octets) {
  if (text.size() <= octets) return;
  while (octets > 0 && continues(text[octets])) --octets;
  text.resize(octets);
}

// Gathers the preview from pieces of UTF-8, each of whole characters.
class Preview {
 public:
  explicit Preview(bool markup) : markup_(markup) {}

  bool add(std::string_view utf8) {  // false: it is full
    for (const char c : utf8) {
      if (markup_ && (inside_ || c == '<')) {
        inside_ = c != '>';
        blank_ = true;
      } else if (is_space(c)) {
        blank_ = true;
      } else if (!put(c)) {
        return false;
      }
    }
    return true;
  }
  std::string take() { return std::move(out_); }

 private:
  bool put(char c) {
    if (!continues(c)) {
      const bool separate = blank_ && !out_.empty();
      if (characters_ + (separate ? 2 : 1) > kPreviewCharacters) return false;
      if (separate) out_ += ' ';
      characters_ += separate ? 2 : 1;
      blank_ = false;
    }
    out_ += c;
    return true;
  }

  const bool markup_;
  bool inside_ = false;  // a tag of the markup
  bool blank_ = false;   // blanks since the last character
  std::size_t characters_ = 0;
  std::string out_;
};

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string clean(std::string_view text) {
  std::string out = valid_utf8(trim(text).substr(0, 2 * kFactOctets));
  cut(out, kFactOctets);
  return out;
}

std::string clean_words(std::string_view text) {
  std::string words = mime::decode_words(trim(text).substr(0, 4 * kFactOctets));
  std::replace_if(
      words.begin(), words.end(), [](char c) { return is_space(c); }, ' ');
  return clean(words);
}

std::string read_octets(ByteSource& source, std::uint64_t begin, std::uint64_t end, std::uint64_t limit) {
  std::string octets(static_cast<std::size_t>(std::min(limit, end - std::min(begin, end))), '\0');
  std::size_t filled = 0;
  while (filled < octets.size()) {
    const std::size_t got = source.read(begin + filled, octets.data() + filled, octets.size() - filled);
    if (got == 0) break;
    filled += got;
  }
  octets.resize(filled);
  return octets;
}

std::string read_body(ByteSource& source, const mime::Part& part, std::uint64_t limit) {
  if (part.encoding == mime::Encoding::identity || part.encoding == mime::Encoding::unknown)
    return read_octets(source, part.body_begin, part.body_end, limit);
  std::string out;
  mime::decode_range(source, part.body_begin, part.body_end, part.encoding, [&](std::string_view piece) {
    out += piece.substr(0, static_cast<std::size_t>(limit - out.size()));
    return out.size() < limit;
  });
  return out;
}

std::string preview_of(std::string_view utf8) {
  Preview preview(false);
  preview.add(utf8);
  return preview.take();
}

std::string preview_of(ByteSource& source, const mime::Part& part) {
  auto charset = mime::CharsetDecoder::open(mime::parameter(part.parameters, "charset").value_or(""));
  if (!charset) charset = mime::CharsetDecoder::open("");
  if (!charset) return {};
  Preview preview(mime::equals_ignore_case(part.subtype, "html"));
  std::string utf8;
  const auto end = std::min(part.body_end, part.body_begin + kBodyOctets);
  bool room = true;
  mime::decode_range(source, part.body_begin, end, part.encoding, [&](std::string_view octets) {
    utf8.clear();
    charset->feed(octets, utf8);
    room = preview.add(utf8);
    return room;
  });
  utf8.clear();
  charset->finish(utf8);
  if (room) preview.add(utf8);
  return preview.take();
}

}  // namespace cpm::imap::cpm_objects
