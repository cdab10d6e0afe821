// Encoder: values → the octets of RFC 9051 9, appended to a buffer. It knows how this session wants text: UTF-8 in
// quoted strings or literals, mailbox names in UTF-8 or modified UTF-7, messages named by number or by UID (RFC 9586).
// Runs on: session strand.
#pragma once

#include "base/number_set.h"
#include "imap/wire/phrases.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::wire {

class Encoder {
 public:
  // `phrases`: what texts for people are said in; null: as they are. REQUIRES: outlives the encoder.
  Encoder(std::string& out, bool utf8, bool uid_only = false, const Phrases* phrases = nullptr)
      : out_(out), utf8_(utf8), uid_only_(uid_only), phrases_(phrases) {}

  Encoder& raw(std::string_view text) {
    out_.append(text);
    return *this;
  }
  Encoder& human(std::string_view text) { return phrases_ == nullptr ? raw(text) : raw(phrases_->say(text)); }
  Encoder& sp() {
    out_ += ' ';
    return *this;
  }
  Encoder& crlf() {
    out_ += "\r\n";
    return *this;
  }
  Encoder& number(std::uint64_t value);
  Encoder& quoted(std::string_view text);  // REQUIRES: quotable(text)
  Encoder& string(std::string_view text);  // quoted where possible, else a literal
  Encoder& nstring(const std::optional<std::string>& text);
  Encoder& astring(std::string_view text);  // atom where possible
  Encoder& literal_head(std::uint64_t octets, bool binary = false);
  Encoder& set(const NumberSet& numbers) { return raw(numbers.to_string()); }
  Encoder& date_time(std::chrono::sys_seconds time);      // " 4-May-2020 08:30:00 +0000" with its quotes
  Encoder& flags(const std::vector<std::string>& names);  // "(\Seen x)"
  // LIST wants names quoted always, STATUS as atoms whenever the characters allow (MSS-81).
  Encoder& mailbox_quoted(std::string_view path);
  Encoder& mailbox_atom(std::string_view path);

  [[nodiscard]] bool utf8() const { return utf8_; }
  [[nodiscard]] bool uid_only() const { return uid_only_; }
  [[nodiscard]] std::string& buffer() { return out_; }

 private:
  [[nodiscard]] bool quotable(std::string_view text) const;

  std::string& out_;
  const bool utf8_;
  const bool uid_only_;
  const Phrases* const phrases_;
};

}  // namespace cpm::imap::wire
