// SASL-IR: RFC 4959. AUTHENTICATE takes the client's first message on its own line while this extension is on.
#include "imap/extension.h"

namespace cpm::imap::ext::sasl_ir {

Extension describe() {
  Extension extension;
  extension.name = "sasl_ir";
  extension.rfcs = {"RFC 4959"};
  extension.requires_names = {"authenticate"};
  extension.capabilities = {{"SASL-IR", {}}};
  return extension;
}

}  // namespace cpm::imap::ext::sasl_ir
