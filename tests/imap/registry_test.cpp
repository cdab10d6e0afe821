#include "imap/registry.h"

#include "imap/session/trace.h"

#include <gtest/gtest.h>

namespace cpm::imap {
namespace {

TEST(RegistryBuild, TakesAllFilesWithoutAClash) {
  const auto registry = Registry::build({});
  ASSERT_TRUE(registry) << registry.error().text;
  EXPECT_NE(registry->command("SELECT"), nullptr);
  EXPECT_NE(registry->command("UID FETCH"), nullptr);
  EXPECT_EQ(registry->command("NO-SUCH"), nullptr);
  EXPECT_NE(registry->search_key("SUBJECT"), nullptr);
  EXPECT_NE(registry->enable("IMAP4REV2"), nullptr);
}

TEST(RegistryBuild, SwitchesExtensionsOff) {
  const auto registry = Registry::build({"idle", "imap4rev2"});
  ASSERT_TRUE(registry);
  EXPECT_EQ(registry->command("IDLE"), nullptr);
  EXPECT_FALSE(registry->has("idle"));
}

TEST(RegistryBuild, RefusesUnknownNamesAndMissingRequirements) {
  EXPECT_FALSE(Registry::build({"idel"}));
  EXPECT_FALSE(Registry::build({"idle"})) << "IMAP4rev2 needs IDLE";
}

TEST(RegistryExtensions, NameTheirRfc) {
  const auto registry = Registry::build({});
  ASSERT_TRUE(registry);
  for (const Extension& extension : registry->extensions()) EXPECT_FALSE(extension.rfcs.empty()) << extension.name;
}

// What has a UID form has message numbers, and UIDONLY refuses it by that flag.
TEST(RegistryCommands, WithAUidFormSayThatTheyUseMessageNumbers) {
  const auto registry = Registry::build({});
  ASSERT_TRUE(registry);
  for (const Extension& extension : registry->extensions()) {
    for (const CommandSpec& uid_form : extension.commands) {
      if (!uid_form.name.starts_with("UID ")) continue;
      EXPECT_EQ(uid_form.flags & kUsesMsn, 0U) << uid_form.name;
      const CommandSpec* plain = registry->command(uid_form.name.substr(4));
      if (plain == nullptr || plain->name == "EXPUNGE") continue;  // has no argument
      EXPECT_NE(plain->flags & kUsesMsn, 0U) << plain->name;
    }
  }
}

TEST(TraceRedact, KeepsSecretsAndTextOut) {
  EXPECT_EQ(redact("a1 LOGIN alice secret"), "a1 LOGIN …");
  EXPECT_EQ(redact("a1 login {5}\r\n {6}\r\n"), "a1 login …");
  EXPECT_EQ(redact("a1 AUTHENTICATE PLAIN AGEAYg=="), "a1 AUTHENTICATE …");
  EXPECT_EQ(redact("a1 NOOP"), "a1 NOOP");
  EXPECT_EQ(redact("a1 SEARCH SUBJECT \"my \\\"secret\\\"\" SEEN"), "a1 SEARCH SUBJECT \"<13>\" SEEN");
  EXPECT_EQ(redact("b APPEND INBOX {51}\r\nnine tonight"), "b APPEND INBOX {51} <12 octets>");
  EXPECT_EQ(redact("b APPEND INBOX (\\Seen) {51}\r\n"), "b APPEND INBOX (\\Seen) {51}");
  EXPECT_EQ(redact("a URLFETCH imap://a@b/c/;UID=1;URLAUTH=authuser:internal:01abcdef0123"),
            "a URLFETCH imap://a@b/c/;UID=1;URLAUTH=authuser:internal:…");
  for (const char* odd : {"", " ", "a", "a ", "a \r\n"}) EXPECT_LE(redact(odd).size(), 20U) << odd;
}

}  // namespace
}  // namespace cpm::imap
