// UIDONLY (RFC 9586): ENABLE UIDONLY, after which messages are named by UIDs alone. The parts are where the numbers
// are: commands with kUsesMsn are refused by the dispatcher, numbers among search keys by grammar/search_program.cpp,
// known numbers by ext/qresync.cpp; response/responses.cpp writes UIDFETCH, session/updates.cpp VANISHED.
#include "imap/session/session.h"

namespace cpm::imap::ext::uidonly {

Extension describe() {
  Extension extension;
  extension.name = "uidonly";
  extension.rfcs = {"RFC 9586"};
  extension.requires_names = {"enable"};
  extension.capabilities = {{"UIDONLY"}};
  extension.enables = {{"UIDONLY", [](Session& session) { session.enable_uid_only(); }}};
  extension.response_codes = {"UIDREQUIRED"};
  return extension;
}

}  // namespace cpm::imap::ext::uidonly
