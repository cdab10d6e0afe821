// LIST-MYRIGHTS (RFC 8440): LIST … RETURN (MYRIGHTS) tells MYRIGHTS after each LIST response of a mailbox that there
// is. The option is parsed and answered where LIST is (imap/commands/list.cpp).
#include "imap/session/session.h"

namespace cpm::imap::ext::list_myrights {

Extension describe() {
  Extension extension;
  extension.name = "list_myrights";
  extension.rfcs = {"RFC 8440"};
  extension.requires_names = {"list", "acl"};
  extension.capabilities = {{"LIST-MYRIGHTS"}};
  return extension;
}

}  // namespace cpm::imap::ext::list_myrights
