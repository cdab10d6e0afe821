#include "imap/session/trace.h"

#include "base/log.h"
#include "imap/grammar/imap_url.h"
#include "imap/registry.h"

#include <algorithm>

namespace cpm::imap {

std::string redact(std::string_view text) {
  const std::size_t tag_end = std::min(text.find(' '), text.size());
  const std::size_t name_begin = std::min(tag_end + 1, text.size());
  const std::size_t name_end = std::min(text.find_first_of(" \t\r", name_begin), text.size());
  const std::string name = wire::upper(text.substr(name_begin, name_end - name_begin));
  if (name == "LOGIN" || name == "AUTHENTICATE") return std::string(text.substr(0, name_end)) + " …";
  if (const std::size_t literal = text.find("\r\n"); literal != std::string_view::npos) {
    const std::size_t rest = text.size() - literal - 2;
    return redact(text.substr(0, literal)) + (rest > 0 ? " <" + std::to_string(rest) + " octets>" : "");
  }
  // Quoted text may be search words or names of people: only its length is kept.
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < 1000; ++i) {
    if (text[i] != '"') {
      out += text[i];
      continue;
    }
    std::size_t end = i + 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    out += "\"<" + std::to_string(end - i - 1) + ">\"";
    i = end;
  }
  return grammar::without_tokens(out);
}

void trace_command(Session& session, std::string_view text, const CommandSpec* spec, bool accepted) {
  session.traced_tag = accepted ? text.substr(0, text.find(' ')) : std::string_view();
  std::string line;
  if (accepted) {
    line = redact(text);
  } else {
    line = "<" + std::to_string(text.size()) + " octets";
    if (spec != nullptr) line += ", refused as " + std::string(spec->name);
    line += ">";
  }
  log::info("trace", "C", {{"session", session.id}, {"line", line}});
}

void trace_answer(Session& session, const std::string& tag, const Done& done) {
  const char* kind = done.kind == Done::Kind::ok ? "OK" : done.kind == Done::Kind::no ? "NO" : "BAD";
  const bool shown = !tag.empty() && tag == session.traced_tag;
  session.traced_tag.clear();
  std::string line = shown ? tag : "<tag>";
  line += ' ';
  line += kind;
  if (!done.code.empty()) line += " [" + grammar::without_tokens(done.code) + "]";
  if (shown) line += " " + done.text;
  log::info("trace", "S", {{"session", session.id}, {"line", line}});
}

}  // namespace cpm::imap
