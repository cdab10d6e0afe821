// Phrases: the texts for people in another language (RFC 5255 3). The writer asks; a language answers.
// Runs on: any thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm::imap::wire {

class Phrases {
 public:
  Phrases() = default;
  Phrases(const Phrases&) = delete;
  Phrases& operator=(const Phrases&) = delete;
  virtual ~Phrases() = default;
  // The text in this language, UTF-8 without control characters; as it is when there is no translation.
  [[nodiscard]] virtual std::string say(std::string_view english) const = 0;
};

}  // namespace cpm::imap::wire
