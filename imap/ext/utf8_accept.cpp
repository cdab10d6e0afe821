// UTF8=ACCEPT (RFC 6855): UTF-8 in quoted strings and mailbox names, APPEND of UTF8 (literal8) data.
#include "imap/session/session.h"

namespace cpm::imap::ext::utf8_accept {

Extension describe() {
  Extension extension;
  extension.name = "utf8_accept";
  extension.rfcs = {"RFC 6855"};
  extension.capabilities = {{"UTF8=ACCEPT"}};
  extension.requires_names = {"enable"};
  extension.enables = {{"UTF8=ACCEPT", [](Session& session) { session.enable_utf8(); }}};
  return extension;
}

}  // namespace cpm::imap::ext::utf8_accept
