// CONDSTORE (RFC 7162 part 1): MODSEQ of messages and mailboxes. FETCH, STORE, SEARCH carry their own modifiers; here
// are what enables it and the STATUS item. Every command that names a MODSEQ enables it too (3.1).
#include "imap/session/session.h"

namespace cpm::imap::ext::condstore {

Extension describe() {
  Extension extension;
  extension.name = "condstore";
  extension.rfcs = {"RFC 7162"};
  extension.capabilities = {{"CONDSTORE"}};
  extension.enables = {{"CONDSTORE", [](Session& session) {
                          session.enable_condstore();
                          session.enabled.knows_closed = true;
                        }}};
  extension.select_parameters = {{"CONDSTORE", [](wire::Lexer&, const ParseContext&) {
                                    return SelectAction{[](Session& session) { session.enable_condstore(); }, {}};
                                  }}};
  extension.status_items = {
      {"HIGHESTMODSEQ", [](const schema::MailboxRow& row) { return std::uint64_t{row.highestmodseq.value}; }, true}};
  extension.response_codes = {"HIGHESTMODSEQ", "MODIFIED"};
  return extension;
}

}  // namespace cpm::imap::ext::condstore
