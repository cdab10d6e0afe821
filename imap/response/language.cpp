#include "imap/response/language.h"

#include "imap/wire/lexer.h"

#include <algorithm>
#include <array>

namespace cpm::imap {

namespace {

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_alpha(c) || (c >= '0' && c <= '9'); }

constexpr std::size_t kLongestSubtag = 8;

const Language* by_tag(std::string_view tag) {
  for (const Language* language : languages()) {
    if (wire::iequals(language->tag(), tag)) return language;
  }
  return nullptr;
}

// Without the last subtag, and without a single letter that then stands at the end (RFC 4647 3.4).
std::string_view shorter(std::string_view range) {
  const std::size_t dash = range.rfind('-');
  if (dash == std::string_view::npos) return {};
  range = range.substr(0, dash);
  if (range.size() >= 2 && range[range.size() - 2] == '-') range.remove_suffix(2);
  return range;
}

}  // namespace

std::string Language::say(std::string_view english) const {
  for (const Phrase& phrase : phrases_) {
    const std::size_t gap = phrase.english.find('%');
    if (gap == std::string_view::npos) {
      if (phrase.english == english) return std::string(phrase.other);
      continue;
    }
    const std::string_view head = phrase.english.substr(0, gap), tail = phrase.english.substr(gap + 1);
    if (english.size() <= head.size() + tail.size() || !english.starts_with(head) || !english.ends_with(tail)) continue;
    std::string out(phrase.other);
    const std::string_view kept = english.substr(gap, english.size() - head.size() - tail.size());
    return out.replace(out.find('%'), 1, kept);
  }
  return std::string(english);
}

std::span<const Language* const> languages() {
  static const Language english("en", {});
  static const Language german("de", detail::german());
  static const Language fallback("i-default", {});
  static const std::array<const Language*, 3> all{&english, &german, &fallback};
  return all;
}

bool is_language_range(std::string_view range) {
  if (range == "*") return true;
  for (bool first = true;; first = false) {
    const std::size_t end = std::min(range.find('-'), range.size());
    const std::string_view subtag = range.substr(0, end);
    if (subtag.empty() || subtag.size() > kLongestSubtag) return false;
    if (!std::all_of(subtag.begin(), subtag.end(), first ? is_alpha : is_alphanumeric)) return false;
    if (end == range.size()) return true;
    range.remove_prefix(end + 1);
  }
}

const Language* find_language(std::string_view range, std::string_view preferred) {
  if (range == "*" || wire::iequals(range, "default")) return by_tag(preferred);
  for (std::string_view part = range; !part.empty(); part = shorter(part)) {
    if (const Language* language = by_tag(part)) return language;
  }
  for (const Language* language : languages()) {
    const std::string_view tag = language->tag();
    if (tag.size() > range.size() && tag[range.size()] == '-' && wire::iequals(tag.substr(0, range.size()), range)) {
      return language;
    }
  }
  return nullptr;
}

}  // namespace cpm::imap
