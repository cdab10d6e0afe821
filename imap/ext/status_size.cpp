// STATUS=SIZE (RFC 8438): SIZE, the octets of all messages; exact, from the mailbox's counter.
#include "imap/extension.h"

namespace cpm::imap::ext::status_size {

Extension describe() {
  Extension extension;
  extension.name = "status_size";
  extension.rfcs = {"RFC 8438"};
  extension.capabilities = {{"STATUS=SIZE"}};
  extension.status_items = {{"SIZE", [](const schema::MailboxRow& row) { return row.bytes; }}};
  return extension;
}

}  // namespace cpm::imap::ext::status_size
