// CATENATE (RFC 4469): messages put together on the server from literals and from what is stored already. APPEND and
// REPLACE (RFC 8508 4.2) take the word, see commands/append_catenate; without this extension they refuse it.
#include "imap/extension.h"

namespace cpm::imap::ext::catenate {

Extension describe() {
  Extension extension;
  extension.name = "catenate";
  extension.rfcs = {"RFC 4469", "RFC 5092"};
  extension.requires_names = {"append"};
  extension.capabilities = {{"CATENATE"}};
  extension.response_codes = {"BADURL", "TOOBIG"};
  return extension;
}

}  // namespace cpm::imap::ext::catenate
