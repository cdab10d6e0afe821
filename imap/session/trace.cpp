#include "imap/session/trace.h"

#include "base/log.h"
#include "imap/registry.h"

#include <algorithm>

namespace cpm::imap {

std::string redact(std::string_view text, bool known) {
  // Whatever is not plainly "tag SP command" may be a password sent at the wrong time.
  const std::size_t tag_end = text.find_first_of(" \t");
  const std::size_t name_end = tag_end == std::string_view::npos
                                   ? std::string_view::npos
                                   : std::min(text.find_first_of(" \t", tag_end + 1), text.size());
  if (!known || tag_end == std::string_view::npos || tag_end == 0 || text[tag_end] != ' ' || name_end == tag_end + 1) {
    return "<" + std::to_string(text.size()) + " octets that are no command>";
  }
  const std::string name = wire::upper(text.substr(tag_end + 1, name_end - tag_end - 1));
  if (name == "LOGIN" || name == "AUTHENTICATE") return std::string(text.substr(0, name_end)) + " …";
  if (const std::size_t literal = text.find("\r\n"); literal != std::string_view::npos) {
    const std::size_t rest = text.size() - literal - 2;
    return redact(text.substr(0, literal), known) + (rest > 0 ? " <" + std::to_string(rest) + " octets>" : "");
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
  return out;
}

void trace_command(Session& session, const wire::CommandInput& input) {
  const std::string_view text = input.text;
  const std::size_t tag_end = text.find(' ');
  const std::string_view rest = tag_end == std::string_view::npos ? std::string_view() : text.substr(tag_end + 1);
  const std::string name = wire::upper(rest.substr(0, rest.find(' ')));
  const bool known = name == "UID" || session.services.registry.command(name) != nullptr;
  session.traced_tag = known && tag_end > 0 ? text.substr(0, tag_end) : std::string_view();
  log::info("trace", "C", {{"session", session.id}, {"line", redact(text, known)}});
}

void trace_answer(Session& session, const std::string& tag, const Done& done) {
  const bool a_tag = tag == "*" || (!tag.empty() && tag == session.traced_tag);
  const std::string shown = a_tag ? tag : "<" + std::to_string(tag.size()) + " octets>";
  session.traced_tag.clear();
  const char* kind = done.kind == Done::Kind::ok ? "OK" : done.kind == Done::Kind::no ? "NO" : "BAD";
  log::info("trace", "S",
            {{"session", session.id}, {"line", shown + ' ' + kind + " [" + done.code + "] " + done.text}});
}

}  // namespace cpm::imap
