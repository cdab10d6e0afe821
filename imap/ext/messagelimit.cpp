// MESSAGELIMIT and SAVELIMIT (RFC 9738): how many messages one command works on, where the operator sets a limit;
// UIDAFTER and UIDBEFORE among the search keys. The commands ask session/message_limit.h.
#include "imap/grammar/search_program.h"
#include "imap/session/message_limit.h"

namespace cpm::imap::ext::messagelimit {

namespace {

SearchNode uids(std::uint32_t first, std::uint32_t last) {
  SearchNode node = SearchNode::of(SearchNode::Kind::uids);
  if (first <= last) node.set.ranges.push_back({first, last});
  return node;
}

SearchNode uid_after(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  const std::uint32_t uid = lexer.nz_number();
  return uid == UINT32_MAX ? uids(1, 0) : uids(uid + 1, UINT32_MAX);
}

SearchNode uid_before(wire::Lexer& lexer, SearchContext&) {
  lexer.sp();
  return uids(1, lexer.nz_number() - 1);
}

bool all_limited(const Session& session) { return message_limit(session) > 0; }
bool saving_limited(const Session& session) { return !all_limited(session) && save_limit(session) > 0; }
std::string all_text(const Session& session) { return "MESSAGELIMIT=" + std::to_string(message_limit(session)); }
std::string saving_text(const Session& session) { return "SAVELIMIT=" + std::to_string(save_limit(session)); }

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "messagelimit";
  extension.rfcs = {"RFC 9738"};
  extension.requires_names = {"search"};
  extension.capabilities = {{"MESSAGELIMIT", all_limited, all_text}, {"SAVELIMIT", saving_limited, saving_text}};
  extension.search_keys = {{"UIDAFTER", uid_after}, {"UIDBEFORE", uid_before}};
  extension.response_codes = {"MESSAGELIMIT"};
  return extension;
}

}  // namespace cpm::imap::ext::messagelimit
