// Charsets to UTF-8 through ICU, with the names that mail uses. In conversions invalid
// octets become U+FFFD, never an error.
// Runs on: any thread; one converter, one user.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct UConverter;

namespace cpm::imap::mime {

[[nodiscard]] bool known_charset(std::string_view name);

// Whether the octets are text in that charset, whole characters only. False for a charset that is not known. us-ascii
// means seven bits here; an empty name is read as UTF-8.
[[nodiscard]] bool valid_in(std::string_view bytes, std::string_view charset);

// nullopt: charset not known. An empty name and us-ascii are read as UTF-8, of which ASCII is a part.
[[nodiscard]] std::optional<std::string> to_utf8(std::string_view bytes, std::string_view charset);

// The same in pieces: sequences may be split anywhere.
class CharsetDecoder {
 public:
  [[nodiscard]] static std::optional<CharsetDecoder> open(std::string_view charset);

  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);

 private:
  struct Close {
    void operator()(UConverter* converter) const;
  };
  CharsetDecoder(UConverter* converter, bool ascii_based) : converter_(converter), ascii_based_(ascii_based) {}
  void convert(std::string_view in, bool flush, std::string& out);

  std::unique_ptr<UConverter, Close> converter_;
  bool ascii_based_;             // octets below 0x80 are ASCII at the start of a character
  bool between_ = true;          // nothing pending in the converter
  char16_t high_surrogate_ = 0;  // first half of a pair
};

// The way back. A character that the charset does not have becomes `replacement`. `text` empty: it has one that it does
// not have and there is no replacement, or the replacement is not in it either. nullopt: charset not known. us-ascii
// means seven bits here, iso-8859-1 what its name says.
struct EncodedText {
  std::optional<std::string> text;
};
[[nodiscard]] std::optional<EncodedText> from_utf8(std::string_view utf8, std::string_view charset,
                                                   const std::optional<std::string>& replacement);

}  // namespace cpm::imap::mime
