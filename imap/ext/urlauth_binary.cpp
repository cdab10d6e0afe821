// URLAUTH=BINARY (RFC 5524): URLFETCH with BODY, BINARY and BODYPARTSTRUCTURE. The command itself takes the words, see
// ext/urlauth; without this extension it refuses them.
#include "imap/extension.h"

namespace cpm::imap::ext::urlauth_binary {

Extension describe() {
  Extension extension;
  extension.name = "urlauth_binary";
  extension.rfcs = {"RFC 5524"};
  extension.requires_names = {"urlauth"};
  extension.capabilities = {{"URLAUTH=BINARY"}};
  return extension;
}

}  // namespace cpm::imap::ext::urlauth_binary
