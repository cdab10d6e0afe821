#include "imap/mime/body_part.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace cpm::imap::mime {

namespace {

// Behind the quoted string or literal that begins at `at`; npos: broken.
std::size_t string_end(std::string_view text, std::size_t at) {
  if (text[at] == '"') {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
    }
    return at < text.size() ? at + 1 : text.npos;
  }
  std::size_t octets = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + at + 1, end, octets);
  const std::size_t head = static_cast<std::size_t>(read.ptr - text.data());
  if (read.ec != std::errc{} || text.substr(head, 3) != "}\r\n" || text.size() - head - 3 < octets) return text.npos;
  return head + 3 + octets;
}

// Behind the item that begins at `at`: a list, a string, NIL or a number.
std::size_t item_end(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"' || c == '{') {
      at = string_end(text, at);
      if (at == text.npos) return at;
    } else if (c == '(') {
      ++depth;
      ++at;
      continue;
    } else if (c == ')') {
      if (depth == 0) return at;
      --depth;
      ++at;
    } else if (c == ' ' && depth > 0) {
      ++at;
      continue;
    } else {
      while (at < text.size() && text[at] != ' ' && text[at] != '(' && text[at] != ')') ++at;
    }
    if (depth == 0) return at;
  }
  return text.npos;
}

// The items of a list; at most `most`.
std::vector<std::string_view> items_of(std::string_view list, std::size_t most) {
  std::vector<std::string_view> items;
  if (!list.starts_with("(")) return items;
  for (std::size_t at = 1; at < list.size() && list[at] != ')' && items.size() < most;) {
    if (list[at] == ' ') {
      ++at;
      continue;
    }
    const std::size_t end = item_end(list, at);
    if (end == list.npos || end == at) return {};
    items.push_back(list.substr(at, end - at));
    at = end;
  }
  return items;
}

bool is_multipart(std::string_view body) { return body.starts_with("(("); }

// The places of a body that is no multipart (RFC 9051 9, body-type-basic, -msg, -text).
constexpr std::size_t kType = 0, kEncoding = 5, kSize = 6, kLines = 7, kNested = 8;

bool is_quoted(std::string_view item, std::string_view lower) {
  if (item.size() != lower.size() + 2) return false;
  return std::equal(lower.begin(), lower.end(), item.begin() + 1,
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b); });
}

std::optional<std::string_view> child(std::string_view body, std::uint32_t number) {
  if (number == 0) return std::nullopt;
  if (!is_multipart(body)) return number == 1 ? std::optional(body) : std::nullopt;
  const auto items = items_of(body, number);
  if (items.size() < number || !items.back().starts_with("(")) return std::nullopt;
  return items.back();
}

}  // namespace

std::optional<std::string_view> nested_body(std::string_view part) {
  if (is_multipart(part)) return std::nullopt;
  const auto items = items_of(part, kNested + 1);
  if (items.size() <= kNested || !is_quoted(items[kType], "message") || !items[kNested].starts_with("(")) {
    return std::nullopt;
  }
  return items[kNested];
}

std::optional<std::string_view> body_part(std::string_view body, std::span<const std::uint32_t> path) {
  // In a multipart or a message the next number counts parts; a head that is no multipart is its own part 1.
  bool head = true;
  std::optional<std::string_view> at = body;
  for (const std::uint32_t number : path) {
    if (!head && !is_multipart(*at)) {
      at = nested_body(*at);
      if (!at) return std::nullopt;
    }
    at = child(*at, number);
    if (!at) return std::nullopt;
    head = false;
  }
  return at;
}

std::optional<std::string> decoded_body(std::string_view part, std::uint64_t octets, std::uint64_t lines) {
  constexpr std::size_t kAll = 64;
  const auto items = is_multipart(part) ? std::vector<std::string_view>{} : items_of(part, kAll);
  if (items.size() <= kSize) return std::nullopt;
  const bool text = is_quoted(items[kType], "text") && items.size() > kLines;
  std::string out = "(";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ' ';
    if (i == kEncoding) {
      out += "\"BINARY\"";
    } else if (i == kSize) {
      out += std::to_string(octets);
    } else if (i == kLines && text) {
      out += std::to_string(lines);
    } else {
      out += items[i];
    }
  }
  return out + ')';
}

std::string message_body(std::string_view envelope, std::string_view body, std::string_view encoding,
                         std::uint64_t octets, std::uint64_t lines) {
  std::string out = "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"";
  out += encoding;
  out += "\" " + std::to_string(octets) + ' ';
  out += envelope;
  out += ' ';
  out += body;
  return out + ' ' + std::to_string(lines) + " NIL NIL NIL NIL)";
}

std::string header_body(std::string_view header) {
  const bool eight =
      std::any_of(header.begin(), header.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  const auto lines = std::count(header.begin(), header.end(), '\n');
  return std::string("(\"TEXT\" \"RFC822-HEADERS\" NIL NIL NIL \"") + (eight ? "8BIT" : "7BIT") + "\" " +
         std::to_string(header.size()) + ' ' + std::to_string(lines) + " NIL NIL NIL NIL)";
}

}  // namespace cpm::imap::mime
