// IMAP4rev2 (RFC 9051): its own forms (ESEARCH for SEARCH, UTF-8 names, OLDNAME, no RECENT) appear only after ENABLE,
// because deployed RCS clients understand the old ones alone.
#include "imap/session/session.h"

namespace cpm::imap::ext::imap4rev2 {

Extension describe() {
  Extension extension;
  extension.name = "imap4rev2";
  extension.rfcs = {"RFC 9051"};
  extension.capabilities = {{"IMAP4rev2"}};
  extension.requires_names = {"enable", "namespaces", "idle", "binary"};
  extension.enables = {{"IMAP4rev2", [](Session& session) { session.enable_rev2(); }}};
  return extension;
}

}  // namespace cpm::imap::ext::imap4rev2
