#include "imap/mime/message_ids.h"

namespace cpm::imap::mime {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Behind the comment that begins at `at`; an open one ends with the text.
std::size_t after_comment(std::string_view text, std::size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')' && --depth == 0) {
      return at + 1;
    }
  }
  return text.size();
}

// The identifier whose "<" is before `at`; empty when it is not valid. `at` moves behind its ">", or to where the
// search for the next one goes on.
std::string identifier(std::string_view text, std::size_t& at) {
  std::string id;
  std::size_t sign = 0;  // of "@"; an identifier does not begin with one
  while (at < text.size()) {
    const char c = text[at];
    if (c == '>') {
      ++at;
      return sign > 0 && sign + 1 < id.size() ? id : std::string{};
    }
    if (c == '<') return {};
    if (c == '(') {
      at = after_comment(text, at);
      continue;
    }
    if (c == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        id += text[at];
      }
    } else if (c == '@') {
      sign = id.size();
      id += c;
    } else if (!is_blank(c) && c != '\0') {
      id += c;
    }
    ++at;
  }
  return {};
}

}  // namespace

std::vector<std::string> message_ids(std::string_view unfolded, std::size_t most) {
  std::vector<std::string> out;
  for (std::size_t at = unfolded.find('<'); at < unfolded.size() && out.size() < most; at = unfolded.find('<', at)) {
    ++at;
    std::string id = identifier(unfolded, at);
    if (!id.empty()) out.push_back(std::move(id));
  }
  return out;
}

}  // namespace cpm::imap::mime
