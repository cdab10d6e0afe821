#include "imap/session/trace.h"

#include "base/log.h"

namespace cpm::imap {

std::string redact(std::string_view text) {
  const std::size_t tag_end = text.find(' ');
  if (tag_end == std::string_view::npos) return std::string(text.substr(0, 64));
  std::size_t name_end = text.find(' ', tag_end + 1);
  if (name_end == std::string_view::npos) name_end = text.size();
  const std::string name = wire::upper(text.substr(tag_end + 1, name_end - tag_end - 1));
  if (name == "LOGIN" || name == "AUTHENTICATE") return std::string(text.substr(0, name_end)) + " …";
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
  return out;
}

void trace_command(const Session& session, const wire::CommandInput& input) {
  log::info("trace", "C", {{"session", session.id}, {"line", redact(input.text)}});
}

void trace_answer(const Session& session, const std::string& tag, const Done& done) {
  const char* kind = done.kind == Done::Kind::ok ? "OK" : done.kind == Done::Kind::no ? "NO" : "BAD";
  log::info("trace", "S", {{"session", session.id}, {"line", tag + ' ' + kind + " [" + done.code + "] " + done.text}});
}

}  // namespace cpm::imap
