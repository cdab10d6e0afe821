#include "imap/mime/content_type.h"

#include "base/percent.h"
#include "imap/mime/charset.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <unordered_map>

namespace cpm::imap::mime {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// RFC 2045 5.1, but 8-bit octets and "/" aside are let through: senders use them.
bool is_token_char(char c) {
  return static_cast<unsigned char>(c) > 0x20 && c != 0x7F &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

// A cursor over one unfolded header value.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : text_[at_]; }
  void next() { ++at_; }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // Blanks and comments (RFC 5322 3.2.2).
  void skip_blanks() {
    int depth = 0;
    for (; !done(); ++at_) {
      const char c = text_[at_];
      if (c == '(') {
        ++depth;
      } else if (depth > 0) {
        if (c == ')') --depth;
        if (c == '\\') ++at_;
      } else if (!is_blank(c)) {
        return;
      }
    }
  }

  std::string_view token() {
    const std::size_t begin = at_;
    while (!done() && is_token_char(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::string quoted() {  // REQUIRES: peek() == '"'
    std::string out;
    for (++at_; !done(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        break;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    return out;
  }

  void skip_past(char c) {
    while (!done() && text_[at_] != c) {
      if (text_[at_] == '"') {
        quoted();
      } else {
        ++at_;
      }
    }
    take(c);
  }

  // An unquoted value. Blanks inside belong to it only where `blanks` says so ("name=my file.jpg").
  std::string bare_value(bool blanks) {
    const std::size_t begin = at_;
    while (!done() && text_[at_] != ';' && text_[at_] != '"') {
      if (is_blank(text_[at_])) {
        if (!blanks) break;
        if (at_ + 1 < text_.size() && text_[at_ + 1] == '(') break;
      }
      if (text_[at_] == '(' && at_ == begin) break;
      ++at_;
    }
    std::string_view value = text_.substr(begin, at_ - begin);
    while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
    return std::string(value);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// A plain segment among encoded ones, in the encoding of the whole.
std::string encode_segment(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80 && is_token_char(c) && c != '%' && c != '\'' && c != '*') {
      out += c;
    } else {
      out += '%';
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    }
  }
  return out;
}

struct Segment {
  std::string value;
  bool encoded = false;
};
// The segments of one continued parameter, by number.
struct Continued {
  std::size_t at = 0;  // place among the parameters
  std::map<unsigned, Segment> segments;
};

// "name*3*" → base "name", number 3, encoded. False for a name without a segment number ("name", "name*").
bool split_segment(std::string_view name, std::string_view& base, unsigned& segment, bool& encoded) {
  encoded = name.ends_with('*');
  if (encoded) name.remove_suffix(1);
  const auto star = name.rfind('*');
  if (star == std::string_view::npos || star == 0 || star + 1 == name.size() || name.size() - star > 5) return false;
  const auto [end, error] = std::from_chars(name.data() + star + 1, name.data() + name.size(), segment);
  if (error != std::errc{} || end != name.data() + name.size()) return false;
  base = name.substr(0, star);
  return true;
}

void join(const Continued& continued, Parameter& into) {
  const bool any_encoded = std::any_of(continued.segments.begin(), continued.segments.end(),
                                       [](const auto& entry) { return entry.second.encoded; });
  const auto& first = continued.segments.begin()->second;
  if (any_encoded) {
    into.name += '*';
    if (!first.encoded) into.value = "''";  // charset information belongs to the first segment; it is missing
  }
  for (const auto& [number, segment] : continued.segments)
    into.value += any_encoded && !segment.encoded ? encode_segment(segment.value) : segment.value;
}

Parameters parse_parameters(Scanner& in) {
  Parameters out;
  std::unordered_map<std::string, Continued> continued;
  std::size_t seen = 0;
  for (;;) {
    in.skip_blanks();
    if (in.done()) break;
    if (in.take(';')) continue;
    const std::string_view name = in.token();
    in.skip_blanks();
    if (name.empty() || !in.take('=')) {
      in.skip_past(';');
      continue;
    }
    in.skip_blanks();
    const bool free_text = equals_ignore_case(name, "name") || equals_ignore_case(name, "filename");
    std::string value = in.peek() == '"' ? in.quoted() : in.bare_value(free_text);
    in.skip_past(';');
    if (++seen > kMaxParameters) break;

    std::string_view base;
    unsigned number = 0;
    bool encoded = false;
    if (!split_segment(name, base, number, encoded)) {
      out.push_back({std::string(name), std::move(value)});
      continue;
    }
    auto [entry, inserted] = continued.try_emplace(ascii_lower(base));
    if (inserted) {
      entry->second.at = out.size();
      out.push_back({std::string(base), {}});
    }
    entry->second.segments.try_emplace(number, Segment{std::move(value), encoded});
  }
  for (const auto& [name, parts] : continued) join(parts, out[parts.at]);
  return out;
}

}  // namespace

std::optional<MediaType> parse_media_type(std::string_view value) {
  const std::string text = unfold(value);
  Scanner in(text);
  MediaType media;
  in.skip_blanks();
  media.type = in.token();
  in.skip_blanks();
  if (media.type.empty() || !in.take('/')) return std::nullopt;
  in.skip_blanks();
  media.subtype = in.token();
  in.skip_blanks();
  if (media.subtype.empty()) return std::nullopt;
  if (!in.done() && in.peek() != ';') in.skip_past(';');  // "text/plain charset=x": the rest up to ";" is lost
  media.parameters = parse_parameters(in);
  return media;
}

std::optional<Disposition> parse_disposition(std::string_view value) {
  const std::string text = unfold(value);
  Scanner in(text);
  Disposition disposition;
  in.skip_blanks();
  disposition.type = in.token();
  if (disposition.type.empty()) return std::nullopt;
  in.skip_blanks();
  if (!in.done() && in.peek() != ';') in.skip_past(';');
  disposition.parameters = parse_parameters(in);
  return disposition;
}

std::string parse_token(std::string_view value) {
  const std::string text = unfold(value);
  Scanner in(text);
  in.skip_blanks();
  return in.peek() == '"' ? in.quoted() : std::string(in.token());
}

std::vector<std::string> parse_languages(std::string_view value) {
  const std::string text = unfold(value);
  Scanner in(text);
  std::vector<std::string> out;
  while (!in.done() && out.size() < kMaxParameters) {
    in.skip_blanks();
    const std::string_view tag = in.token();
    if (!tag.empty()) out.emplace_back(tag);
    in.skip_past(',');
  }
  return out;
}

std::optional<std::string> parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (equals_ignore_case(key, name)) return to_utf8(value, "utf-8");
    if (key.size() != name.size() + 1 || key.back() != '*' || !equals_ignore_case(key.substr(0, name.size()), name))
      continue;
    const auto first = value.find('\'');
    const auto second = first == std::string::npos ? first : value.find('\'', first + 1);
    if (second == std::string::npos) return to_utf8(percent_decode(value), "utf-8");
    const std::string octets = percent_decode(std::string_view(value).substr(second + 1));
    if (auto decoded = to_utf8(octets, value.substr(0, first))) return decoded;
    return to_utf8(octets, "utf-8");
  }
  return std::nullopt;
}

}  // namespace cpm::imap::mime
