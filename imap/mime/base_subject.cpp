#include "imap/mime/base_subject.h"

#include "imap/mime/header.h"

namespace cpm::imap::mime {

namespace {

constexpr std::string_view kForwardBegin = "[fwd:";
constexpr std::string_view kForwardMark = "(fwd)";

bool begins(std::string_view text, std::string_view with) {
  return equals_ignore_case(text.substr(0, with.size()), with);
}
bool ends(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && equals_ignore_case(text.substr(text.size() - with.size()), with);
}

// Step 1: every run of blanks is one space.
std::string with_single_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!blank) {
      out += c;
    } else if (out.empty() || out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::size_t after_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

// The place behind the subj-blob at `at`, or `at` when there is none.
std::size_t after_blob(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '[') return at;
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == ']') return after_blanks(text, i + 1);
    if (text[i] == '[' || text[i] == '\0') return at;
  }
  return at;
}

// The place behind the subj-refwd at `at`, or `at`.
std::size_t after_refwd(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const std::size_t word = begins(rest, "re") ? 2 : begins(rest, "fwd") ? 3 : begins(rest, "fw") ? 2 : 0;
  if (word == 0) return at;
  const std::size_t colon = after_blob(text, after_blanks(text, at + word));
  return colon < text.size() && text[colon] == ':' ? colon + 1 : at;
}

// Step 2.
void drop_trailers(std::string_view& text, bool& marked) {
  for (;;) {
    if (!text.empty() && text.back() == ' ') {
      text.remove_suffix(1);
    } else if (ends(text, kForwardMark)) {
      text.remove_suffix(kForwardMark.size());
      marked = true;
    } else {
      return;
    }
  }
}

// Steps 3 to 5. A run of blobs that no "Re:" follows goes at once; its last one stays when nothing stands behind it.
void drop_leaders(std::string_view& text, bool& marked) {
  for (;;) {
    text.remove_prefix(after_blanks(text, 0));
    std::size_t end = 0;
    std::size_t last = 0;
    for (std::size_t next = after_blob(text, 0); next != end; next = after_blob(text, end)) {
      last = end;
      end = next;
    }
    const std::size_t behind = after_refwd(text, end);
    if (behind == end) {
      text.remove_prefix(end == text.size() ? last : end);
      return;
    }
    text.remove_prefix(behind);
    marked = true;
  }
}

}  // namespace

BaseSubject base_subject(std::string_view decoded_utf8) {
  BaseSubject out;
  const std::string spaced = with_single_spaces(decoded_utf8);
  std::string_view text = spaced;
  for (;;) {
    drop_trailers(text, out.reply_or_forward);
    drop_leaders(text, out.reply_or_forward);
    if (!begins(text, kForwardBegin) || text.back() != ']') break;  // step 6
    text.remove_prefix(kForwardBegin.size());
    text.remove_suffix(1);
    out.reply_or_forward = true;
  }
  out.text = text;
  return out;
}

}  // namespace cpm::imap::mime
