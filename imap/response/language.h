// Languages of the texts for people (RFC 5255 3): which there are, which one a client asks for (RFC 4647), and how a
// text is said in it. "i-default" (RFC 2277) is the English that every session begins with.
// Runs on: any thread; made once, constant.
#pragma once

#include "imap/wire/phrases.h"

#include <span>
#include <string>
#include <string_view>

namespace cpm::imap {

class Language final : public wire::Phrases {
 public:
  // A text and its translation. One "%" in both stands for any text, which is kept.
  struct Phrase {
    std::string_view english, other;
  };
  Language(std::string_view tag, std::span<const Phrase> phrases) : tag_(tag), phrases_(phrases) {}

  [[nodiscard]] std::string_view tag() const { return tag_; }  // RFC 4646, "de"
  [[nodiscard]] std::string say(std::string_view english) const override;

 private:
  const std::string_view tag_;
  const std::span<const Phrase> phrases_;
};

// All, "i-default" as the last.
[[nodiscard]] std::span<const Language* const> languages();

// language-range (RFC 4647 2.1): "de-AT", "*".
[[nodiscard]] bool is_language_range(std::string_view range);

// The language that a range means: by lookup (RFC 4647 3.4), so that "de-AT" finds "de", or as a basic filter (3.3.1),
// so that "de" finds "de-DE". "default" and "*" are `preferred`. Null when there is none.
[[nodiscard]] const Language* find_language(std::string_view range, std::string_view preferred);

namespace detail {
[[nodiscard]] std::span<const Language::Phrase> german();
}

}  // namespace cpm::imap
