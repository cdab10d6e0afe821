// LIST-METADATA (RFC 9590): the return option METADATA of LIST; commands/list.cpp parses and answers it
// (docs/decisions/0046-list-metadata.md).
#include "imap/extension.h"

namespace cpm::imap::ext::list_metadata {

Extension describe() {
  Extension extension;
  extension.name = "list_metadata";
  extension.rfcs = {"RFC 9590"};
  extension.requires_names = {"list", "metadata"};
  extension.capabilities = {{"LIST-METADATA"}};
  return extension;
}

}  // namespace cpm::imap::ext::list_metadata
