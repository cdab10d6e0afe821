// Structured MIME header values: media types, parameters with RFC 2231 continuations, dispositions, languages, tokens.
// Tolerant: whatever can be read is read. Input may be folded; comments are removed.
// Runs on: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

// Continuations are joined (RFC 2231 6: IMAP servers must). A value with charset information keeps its encoded form
// `charset'language'%xx…` under a name that ends with `*`; parameter() decodes it.
struct Parameter {
  std::string name;   // as written
  std::string value;  // quoting removed

  bool operator==(const Parameter&) const = default;
};
using Parameters = std::vector<Parameter>;

struct MediaType {
  std::string type;  // as written
  std::string subtype;
  Parameters parameters;
};

struct Disposition {
  std::string type;
  Parameters parameters;

  bool operator==(const Disposition&) const = default;
};

// Further parameters of one field are dropped.
inline constexpr std::size_t kMaxParameters = 256;

// nullopt when there is no type/subtype: the caller then assumes text/plain (RFC 2045 5.2).
[[nodiscard]] std::optional<MediaType> parse_media_type(std::string_view value);
[[nodiscard]] std::optional<Disposition> parse_disposition(std::string_view value);
// The first token of the value, comments removed (Content-Transfer-Encoding); empty if there is none.
[[nodiscard]] std::string parse_token(std::string_view value);
[[nodiscard]] std::vector<std::string> parse_languages(std::string_view value);  // RFC 3282

// Value of parameter `name` (case-insensitive) as UTF-8, the RFC 2231 form decoded; the first one counts.
[[nodiscard]] std::optional<std::string> parameter(const Parameters& parameters, std::string_view name);

}  // namespace cpm::imap::mime
