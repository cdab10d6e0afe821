#include "imap/mime/header_charset.h"

#include "base/percent.h"
#include "imap/mime/charset.h"
#include "imap/mime/content_type.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <vector>

namespace cpm::imap::mime {

namespace {

constexpr std::size_t kLine = 76;  // RFC 2047 2; RFC 5259 6 asks for less than 78
constexpr std::size_t kWord = 75;
constexpr std::string_view kHex = "0123456789ABCDEF";

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

// Whole characters of UTF-8.
std::vector<std::string_view> characters(std::string_view utf8) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < utf8.size();) {
    std::size_t end = at + 1;
    while (end < utf8.size() && (static_cast<unsigned char>(utf8[end]) & 0xc0U) == 0x80) ++end;
    out.push_back(utf8.substr(at, end - at));
    at = end;
  }
  return out;
}

void append_hex(std::string& out, char mark, char c) {
  const auto octet = static_cast<unsigned char>(c);
  out += mark;
  out += kHex[octet >> 4];
  out += kHex[octet & 15];
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Fit for every place where an encoded word may stand (RFC 2047 5).
std::string q_encoded(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    if (c == ' ') {
      out += '_';
    } else if (is_letter_or_digit(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/') {
      out += c;
    } else {
      append_hex(out, '=', c);
    }
  }
  return out;
}

std::string b_encoded(std::string_view octets) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::size_t n = std::min<std::size_t>(3, octets.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < n ? static_cast<unsigned char>(octets[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) out += i <= n ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

class Writer {
 public:
  Writer(std::string_view charset, const std::optional<std::string>& replacement)
      : charset_(upper(charset)), replacement_(replacement) {}

  Result<std::string> octets_of(std::string_view utf8) const {
    auto encoded = from_utf8(utf8, charset_, replacement_);
    if (!encoded) return fail(Failure::bad_charset, "There is no charset of that name");
    if (!encoded->text) return fail(Failure::invalid, "The text has characters that this charset does not have");
    return std::move(*encoded->text);
  }

  // Encoded words of at most 75 characters, each of whole characters (RFC 2047 2, 5).
  Result<void> words(std::string& out, std::string_view utf8, char encoding) const {
    const auto parts = characters(utf8);
    for (std::size_t at = 0; at < parts.size();) {
      // The first goes on where the field has begun.
      const std::size_t room = at == 0 && column(out) <= kLine / 2 ? kLine - column(out) : kWord;
      std::string word;
      std::size_t taken = 0;
      std::string text;
      while (at + taken < parts.size()) {
        text += parts[at + taken];
        CPM_TRY(octets, octets_of(text));
        std::string longer = "=?" + charset_ + (encoding == 'b' ? "?B?" : "?Q?") +
                             (encoding == 'b' ? b_encoded(octets) : q_encoded(octets)) + "?=";
        if (taken > 0 && longer.size() > room) break;
        word = std::move(longer);
        ++taken;
      }
      if (at > 0 || column(out) + word.size() > kLine) fold(out, at > 0);
      out += word;
      at += taken;
    }
    return {};
  }

  // name*=charset'language'%xx, in as many segments as the lines need (RFC 2231 3, 4).
  Result<void> parameter(std::string& out, std::string_view name, std::string_view language,
                         std::string_view utf8) const {
    std::vector<std::string> coded;  // a character each
    std::size_t total = 0;
    for (const std::string_view one : characters(utf8)) {
      CPM_TRY(octets, octets_of(one));
      std::string text;
      for (const char c : octets) {
        if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_') {
          text += c;
        } else {
          append_hex(text, '%', c);
        }
      }
      total += text.size();
      coded.push_back(std::move(text));
    }
    const std::string about = charset_ + "'" + std::string(language) + "'";
    const bool one_line = name.size() + about.size() + total + 4 <= kLine;
    std::string line;
    std::size_t segment = 0;
    const auto begin = [&] {
      line = " " + std::string(name) + (one_line ? "*=" : "*" + std::to_string(segment) + "*=");
      if (segment++ == 0) line += about;
    };
    begin();
    const std::size_t head = line.size();
    for (const std::string& one : coded) {
      if (!one_line && line.size() + one.size() + 1 > kLine && line.size() > head) {
        out += ";\r\n" + line;
        begin();
      }
      line += one;
    }
    out += ";\r\n" + line;
    return {};
  }

 private:
  static std::size_t column(const std::string& out) {
    const std::size_t end = out.rfind('\n');
    return end == std::string::npos ? out.size() : out.size() - end - 1;
  }
  // A line ends only where there is a blank, or between two words.
  static void fold(std::string& out, bool between) {
    if (between) {
      out += "\r\n ";
    } else if (out.ends_with(' ') && column(out) > 1 && !out.ends_with("\n ")) {
      const std::size_t blank = out.size() - 1;
      if (out[blank - 1] != ':') out.insert(blank, "\r\n");
    }
  }

  std::string charset_;
  const std::optional<std::string>& replacement_;
};

std::string comments_of(std::string_view value) {
  std::string out;
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char c = value[at];
    if (depth == 0 && c == '"') quoted = !quoted;
    if (!quoted && c == '(') ++depth;
    if (depth > 0 && c != '\r' && c != '\n') out += c;
    if (c == '\\' && at + 1 < value.size()) {
      ++at;
      if (depth > 0) out += value[at];
    } else if (!quoted && c == ')' && depth > 0) {
      --depth;
    }
  }
  return out;
}

void append_plain(std::string& out, const Parameter& one) {
  out += ";\r\n " + one.name + "=\"";
  for (const char c : one.value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

struct Encoded {
  std::string charset, language, utf8;
};
std::optional<Encoded> decoded(const Parameter& one) {
  const auto first = one.value.find('\'');
  const auto second = first == std::string::npos ? first : one.value.find('\'', first + 1);
  if (second == std::string::npos) return std::nullopt;
  Encoded out;
  out.charset = one.value.substr(0, first);
  out.language = one.value.substr(first + 1, second - first - 1);
  const std::string octets = percent_decode(std::string_view(one.value).substr(second + 1));
  if (!known_charset(out.charset) || !valid_in(octets, out.charset)) return std::nullopt;
  out.utf8 = *to_utf8(octets, out.charset);
  return out;
}

// Content-Type and Content-Disposition with encoded parameters; nothing when there are none, or one cannot be decoded.
Result<std::optional<std::string>> parameters_field(const HeaderField& field, const Writer& writer) {
  std::optional<std::string> none;
  const bool type = equals_ignore_case(field.name, "Content-Type");
  if (!type && !equals_ignore_case(field.name, "Content-Disposition")) return none;
  if (field.value.find("*") == std::string_view::npos) return none;
  std::string out(field.name);
  Parameters parameters;
  if (type) {
    auto media = parse_media_type(field.value);
    if (!media) return none;
    out += ": " + media->type + "/" + media->subtype;
    parameters = std::move(media->parameters);
  } else {
    auto disposition = parse_disposition(field.value);
    if (!disposition) return none;
    out += ": " + disposition->type;
    parameters = std::move(disposition->parameters);
  }
  bool any = false;
  for (const Parameter& one : parameters) {
    if (!one.name.ends_with('*')) {
      append_plain(out, one);
      continue;
    }
    const auto text = decoded(one);
    if (!text) return none;
    CPM_CHECK(
        writer.parameter(out, std::string_view(one.name).substr(0, one.name.size() - 1), text->language, text->utf8));
    any = true;
  }
  if (!any) return none;
  if (const std::string comments = comments_of(field.value); !comments.empty()) out += "\r\n " + comments;
  return std::optional(out + "\r\n");
}

}  // namespace

Result<std::string> convert_header(std::string_view block, std::string_view charset,
                                   const std::optional<std::string>& replacement) {
  const Writer writer(charset, replacement);
  CPM_CHECK(writer.octets_of(""));  // the charset and the replacement themselves
  std::string out;
  std::size_t read = 0;
  for (const HeaderField& field : header_fields(block)) {
    read += field.raw.size();
    CPM_TRY(rewritten, parameters_field(field, writer));
    if (rewritten) {
      out += *rewritten;
      continue;
    }
    for (const WordRun& run : word_runs(field.raw)) {
      const bool readable = !run.charset.empty() && known_charset(run.charset) && valid_in(run.octets, run.charset);
      if (!readable || run.octets.empty()) {
        out += run.raw;
        continue;
      }
      CPM_CHECK(writer.words(out, *to_utf8(run.octets, run.charset), run.encoding));
    }
  }
  out += block.substr(std::min(read, block.size()));
  return out;
}

}  // namespace cpm::imap::mime
