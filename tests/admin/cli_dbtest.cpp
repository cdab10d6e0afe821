// cpmctl from end to end: command lines against a real database.
#include "schema/accounts.h"
#include "schema/credentials.h"
#include "tests/admin/ctl_fixture.h"

#include <sys/stat.h>

#include <filesystem>
#include <sstream>

namespace cpm::admin {
namespace {

TEST_F(Ctl, AddsShowsAndListsUsers) {
  const Outcome added = json({"user", "add", "alice@example.net", "--alias", "tel:+15550100", "--quota-storage", "10M",
                              "--quota-messages", "50", "--password-stdin"},
                             "secret\n");
  ASSERT_EQ(added.code, kOk) << added.err;
  EXPECT_EQ(added.json()["user"]["limit_octets"], 10 << 20);
  const Json shown = json({"user", "show", "tel:+15550100"}).json();
  EXPECT_EQ(shown["address"], "alice@example.net");
  EXPECT_EQ(shown["aliases"], Json({"tel:+15550100"}));
  EXPECT_EQ(shown["limit_messages"], 50);
  add("bob@example.net");
  EXPECT_EQ(json({"user", "list"}).json().size(), 2U);
  EXPECT_TRUE(holds(ctl({"user", "list"}).out, "bob@example.net"));

  const auto login = test_.run([](schema::Transaction& tx) { return schema::login_record(tx, "alice@example.net"); });
  ASSERT_TRUE(login.keys);
  EXPECT_TRUE(schema::matches_password(*login.keys, "secret"));
  EXPECT_FALSE(schema::matches_password(*login.keys, "other"));
}

TEST_F(Ctl, MakesAndDropsTheTextIndex) {
  EXPECT_EQ(json({"db", "text-index"}).json()["text_index"], "none");
  const Outcome made = ctl({"db", "text-index", "create"});
  EXPECT_EQ(made.code, kOk) << made.err;
  EXPECT_TRUE(holds(made.out, "ready")) << made.out;
  EXPECT_EQ(json({"db", "text-index", "show"}).json()["text_index"], "ready");
  EXPECT_EQ(json({"db", "text-index", "drop"}).json()["text_index"], "none");
  EXPECT_EQ(ctl({"db", "text-index", "burn"}).code, kUsage);
}

TEST_F(Ctl, AnswersWithDocumentedExitCodes) {
  add("alice@example.net");
  EXPECT_EQ(ctl({"user", "add", "alice@example.net", "--no-password"}).code, kExists);
  EXPECT_EQ(ctl({"user", "show", "nobody@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"user", "add", "two words", "--no-password"}).code, kUsage);
  EXPECT_EQ(ctl({"user", "add", "carol@example.net", "--no-password", "--quota-storage", "much"}).code, kUsage);
  EXPECT_EQ(ctl({"user", "add", "carol@example.net"}).code, kUsage);
  EXPECT_EQ(ctl({"user", "add", "carol@example.net", "--password-stdin"}, "\n").code, kUsage);
  EXPECT_EQ(ctl({"user", "show", "carol@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"mailbox", "list", "nobody@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"message", "list", "alice@example.net", "Nothing"}).code, kNotFound);
  EXPECT_EQ(ctl({"message", "show", "alice@example.net", "INBOX", "1"}).code, kNotFound);
  EXPECT_EQ(ctl({"service", "delete", "nothing", "--yes"}).code, kNotFound);
}

TEST_F(Ctl, ChangesUsers) {
  add("alice@example.net");
  ASSERT_EQ(ctl({"user", "passwd", "alice@example.net", "--password-stdin"}, "new\n").code, kOk);
  EXPECT_EQ(ctl({"user", "passwd", "nobody@example.net", "--password-stdin"}, "new\n").code, kNotFound);
  ASSERT_EQ(ctl({"user", "disable", "alice@example.net"}).code, kOk);
  EXPECT_EQ(json({"user", "show", "alice@example.net"}).json()["disabled"], true);
  ASSERT_EQ(ctl({"user", "enable", "alice@example.net"}).code, kOk);
  EXPECT_EQ(json({"user", "show", "alice@example.net"}).json()["disabled"], false);
  ASSERT_EQ(ctl({"user", "alias", "add", "alice@example.net", "sip:alice@example.net"}).code, kOk);
  EXPECT_EQ(ctl({"user", "alias", "add", "alice@example.net", "sip:alice@example.net"}).code, kExists);
  ASSERT_EQ(ctl({"user", "rename", "alice@example.net", "miller@example.net"}).code, kOk);
  EXPECT_EQ(json({"user", "show", "sip:alice@example.net"}).json()["address"], "miller@example.net");
  ASSERT_EQ(ctl({"user", "alias", "remove", "miller@example.net", "sip:alice@example.net"}).code, kOk);
  EXPECT_EQ(ctl({"user", "show", "sip:alice@example.net"}).code, kNotFound);
}

TEST_F(Ctl, AsksBeforeItDeletes) {
  add("alice@example.net");
  EXPECT_EQ(ctl({"user", "delete", "alice@example.net"}).code, kUsage);
  const Outcome refused = ctl({"user", "delete", "alice@example.net"}, "n\n", true);
  EXPECT_EQ(refused.code, kFailed);
  EXPECT_TRUE(holds(refused.err, "[y/N]"));
  EXPECT_EQ(ctl({"user", "show", "alice@example.net"}).code, kOk);
  EXPECT_EQ(ctl({"user", "delete", "alice@example.net"}, "y\n", true).code, kOk);
  EXPECT_EQ(ctl({"user", "show", "alice@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"user", "delete", "alice@example.net", "--yes"}).code, kNotFound);
}

TEST_F(Ctl, SetsQuotasOneByOne) {
  add("alice@example.net");
  ASSERT_EQ(ctl({"quota", "set", "alice@example.net", "--storage", "1G"}).code, kOk);
  ASSERT_EQ(ctl({"quota", "set", "alice@example.net", "--messages", "7"}).code, kOk);
  Json shown = json({"quota", "show", "alice@example.net"}).json();
  EXPECT_EQ(shown["limit_octets"], 1 << 30);
  EXPECT_EQ(shown["limit_messages"], 7);
  ASSERT_EQ(ctl({"quota", "set", "alice@example.net", "--storage", "none"}).code, kOk);
  shown = json({"quota", "show", "alice@example.net"}).json();
  EXPECT_TRUE(shown["limit_octets"].is_null());
  EXPECT_EQ(shown["limit_messages"], 7);
  EXPECT_EQ(ctl({"quota", "set", "alice@example.net"}).code, kUsage);
}

// MSS-38, MSS-39: limits of subtrees, all four resources, and levels of warning.
TEST_F(Ctl, LimitsSubtreesAndWarns) {
  add("alice@example.net");
  ASSERT_EQ(ctl({"quota", "set", "alice@example.net", "--mailboxes", "9", "--annotations", "2K"}).code, kOk);
  Json shown =
      json({"quota", "root", "add", "alice@example.net", "inbox", "--storage", "1M", "--messages", "0"}).json();
  EXPECT_EQ(shown["limit_mailboxes"], 9);
  EXPECT_EQ(shown["used_mailboxes"], 2);
  EXPECT_EQ(shown["limit_annotation_octets"], 2048);
  ASSERT_EQ(shown["roots"].size(), 1U);
  EXPECT_EQ(shown["roots"][0]["root"], "INBOX");
  EXPECT_EQ(shown["roots"][0]["limit_octets"], 1 << 20);
  EXPECT_EQ(shown["roots"][0]["level"], 100);
  EXPECT_EQ(ctl({"quota", "root", "add", "alice@example.net", "INBOX"}).code, kExists);
  shown = json({"quota", "set", "alice@example.net", "--root", "INBOX", "--messages", "none"}).json();
  EXPECT_TRUE(shown["roots"][0]["limit_messages"].is_null());
  EXPECT_EQ(shown["roots"][0]["limit_octets"], 1 << 20);
  const Outcome missing = ctl({"quota", "set", "alice@example.net", "--root", "Nowhere", "--messages", "3"});
  EXPECT_EQ(missing.code, kNotFound);
  EXPECT_TRUE(holds(missing.err, "quota root add"));
  EXPECT_TRUE(holds(ctl({"quota", "show", "alice@example.net"}).out, "warned at 80,95 percent (as all)"));
  shown = json({"quota", "warn", "50,75", "--user", "alice@example.net"}).json();
  EXPECT_EQ(shown["warn"], (Json{50, 75}));
  EXPECT_EQ(ctl({"quota", "warn", "75,50", "--user", "alice@example.net"}).code, kUsage);
  EXPECT_EQ(ctl({"quota", "warn", "much"}).code, kUsage);
  EXPECT_EQ(ctl({"quota", "warn", "default"}).code, kUsage);
  EXPECT_TRUE(holds(ctl({"quota", "warn", "default", "--user", "alice@example.net"}).out, "80,95 percent (as all)"));
  EXPECT_EQ(json({"quota", "warn", "none"}).json()["warn"].size(), 0U);
  EXPECT_EQ(json({"quota", "warn", "80,95"}).json()["warn"], (Json{80, 95}));
  EXPECT_EQ(ctl({"quota", "root", "remove", "alice@example.net", "INBOX"}).code, kOk);
  EXPECT_EQ(ctl({"quota", "root", "remove", "alice@example.net", "INBOX"}).code, kNotFound);
}

Json policy(const Json& shown, const std::string& key) {
  for (const Json& one : shown["policies"]) {
    if (one["key"] == key) return one;
  }
  return {};
}

// MSS-47
TEST_F(Ctl, DecidesPolicies) {
  add("alice@example.net");
  EXPECT_GE(json({"policy", "list"}).json().size(), 15U);
  ASSERT_EQ(ctl({"policy", "set", "--provider", "retention.inbox", "8w"}).code, kOk);
  Json shown = policy(json({"policy", "show", "alice@example.net"}).json(), "retention.inbox");
  EXPECT_EQ(shown["value"], "56d");
  EXPECT_EQ(shown["decided_by"], "provider");
  const Outcome set = json({"policy", "set", "alice@example.net", "Retention.Inbox", "720h"});
  ASSERT_EQ(set.code, kOk) << set.err;
  EXPECT_EQ(set.json()["value"], "30d");
  shown = policy(json({"policy", "show", "alice@example.net"}).json(), "retention.inbox");
  EXPECT_EQ(shown["value"], "30d");
  EXPECT_EQ(shown["decided_by"], "account");
  EXPECT_EQ(shown["provider"], "56d");
  EXPECT_TRUE(shown["user"].is_null());
  EXPECT_TRUE(holds(ctl({"policy", "show", "alice@example.net"}).out, "retention.inbox"));
  EXPECT_TRUE(holds(ctl({"policy", "list"}).out, "56d"));
  ASSERT_EQ(ctl({"policy", "unset", "alice@example.net", "retention.inbox"}).code, kOk);
  ASSERT_EQ(ctl({"policy", "unset", "--provider", "retention.inbox"}).code, kOk);
  shown = policy(json({"policy", "show", "alice@example.net"}).json(), "retention.inbox");
  EXPECT_EQ(shown["value"], "forever");
  EXPECT_EQ(shown["decided_by"], "default");
}

TEST_F(Ctl, RefusesImpossiblePolicies) {
  add("alice@example.net");
  const Outcome value = ctl({"policy", "set", "alice@example.net", "retention.inbox", "soon"});
  EXPECT_EQ(value.code, kUsage);
  EXPECT_TRUE(holds(value.err, "allowed: forever")) << value.err;
  const Outcome key = ctl({"policy", "set", "--provider", "retention.outbox", "1d"});
  EXPECT_EQ(key.code, kUsage);
  EXPECT_TRUE(holds(key.err, "cpmctl policy list")) << key.err;
  EXPECT_EQ(ctl({"policy", "set", "nobody@example.net", "retention.inbox", "1d"}).code, kNotFound);
  EXPECT_EQ(ctl({"policy", "show", "nobody@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"policy", "sweep", "nobody@example.net"}).code, kNotFound);
  EXPECT_EQ(ctl({"policy", "set", "retention.inbox", "1d"}).code, kUsage);
  EXPECT_EQ(ctl({"policy", "set", "--provider", "alice@example.net", "retention.inbox", "1d"}).code, kUsage);
  EXPECT_EQ(ctl({"policy", "unset", "retention.inbox"}).code, kUsage);
}

TEST_F(Ctl, SweepsByHand) {
  add("alice@example.net");
  add("bob@example.net");
  folder_.write("md/cur/1.a:2,F", "Subject: 1\n\nx\n");
  folder_.write("md/cur/2.b:2,S", "Subject: 2\n\nx\n");
  for (const char* who : {"alice@example.net", "bob@example.net"}) {
    ASSERT_EQ(ctl({"message", "import", who, "INBOX", folder_.path("md")}).code, kOk);
  }
  test_.execute("update message set save_date = now() - interval '2 days'");
  EXPECT_EQ(json({"policy", "sweep"}).json()["messages"], 0);
  ASSERT_EQ(ctl({"policy", "set", "--provider", "retention.inbox", "1d"}).code, kOk);
  ASSERT_EQ(ctl({"policy", "set", "bob@example.net", "retention.inbox", "forever"}).code, kOk);
  const Json dry = json({"policy", "sweep", "--dry-run"}).json();
  EXPECT_EQ(dry["messages"], 1);
  EXPECT_EQ(dry["mailboxes"][0]["address"], "alice@example.net");
  EXPECT_EQ(dry["mailboxes"][0]["aged"], 1);
  EXPECT_EQ(json({"mailbox", "list", "alice@example.net"}).json()[0]["messages"], 2);
  EXPECT_TRUE(holds(ctl({"policy", "sweep"}).out, "removed 1 message"));
  EXPECT_EQ(json({"mailbox", "list", "alice@example.net"}).json()[0]["messages"], 1);
  EXPECT_EQ(json({"mailbox", "list", "bob@example.net"}).json()[0]["messages"], 2);
  EXPECT_EQ(json({"user", "show", "alice@example.net"}).json()["used_messages"], 1);
  EXPECT_EQ(ctl({"db", "check"}).code, kOk);
}

TEST_F(Ctl, KeepsServices) {
  ASSERT_EQ(ctl({"service", "add", "core", "--role", "deposit", "--for", "*@example.net", "--for", "tel:+1*",
                 "--password-stdin"},
                "pw\n")
                .code,
            kOk);
  EXPECT_EQ(ctl({"service", "add", "core", "--role", "full", "--for", "*", "--no-password"}).code, kExists);
  const Json all = json({"service", "list"}).json();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["role"], "deposit");
  EXPECT_EQ(all[0]["for"], Json({"*@example.net", "tel:+1*"}));
  ASSERT_EQ(ctl({"service", "delete", "core", "--yes"}).code, kOk);
  EXPECT_TRUE(json({"service", "list"}).json().empty());
}

const std::string kFirst =
    "From: Alice <alice@example.net>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 1 Apr 2019 12:00:00 "
    "+0000\r\n\r\nFrom here\r\n";
const std::string kSecond = "From: bob@example.net\r\nSubject: two\r\n\r\nbody\r\n";

std::string with_lf(std::string text) {
  std::erase(text, '\r');
  return text;
}

TEST_F(Ctl, ImportsListsAndShowsMessages) {
  add("alice@example.net");
  folder_.write("md/cur/1554120000.a:2,SF", with_lf(kFirst));
  folder_.write("md/new/1554120001.b", with_lf(kSecond));
  folder_.write("md/cur/1554120002.c:2,", "");
  const Outcome imported = json({"message", "import", "alice@example.net", "inbox", folder_.path("md")});
  EXPECT_EQ(imported.code, kFailed);  // one was skipped
  EXPECT_EQ(imported.json()["imported"], 2);
  EXPECT_EQ(imported.json()["uids"], "1:2");
  ASSERT_EQ(imported.json()["skipped"].size(), 1U);
  EXPECT_EQ(imported.json()["skipped"][0]["why"], "the file is empty");

  const Json rows = json({"message", "list", "alice@example.net", "INBOX"}).json();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["subject"],
            "Gr\xc3\xbc\xc3\x9f"
            "e");
  EXPECT_EQ(rows[0]["size"], kFirst.size());
  EXPECT_EQ(rows[0]["flags"], Json({"\\Flagged", "\\Seen"}));
  EXPECT_EQ(json({"message", "list", "alice@example.net", "INBOX", "--last", "1"}).json()[0]["uid"], 2);
  EXPECT_EQ(ctl({"message", "show", "alice@example.net", "INBOX", "1", "--raw"}).out, kFirst);
  EXPECT_EQ(ctl({"message", "show", "alice@example.net", "INBOX", "2", "--headers"}).out,
            "From: bob@example.net\r\nSubject: two\r\n\r\n");
  const Json shown = json({"message", "show", "alice@example.net", "INBOX", "1"}).json();
  EXPECT_EQ(shown["parts"][0]["type"], "text/plain");
  const Json boxes = json({"mailbox", "list", "alice@example.net"}).json();
  EXPECT_EQ(boxes[0]["path"], "INBOX");
  EXPECT_EQ(boxes[0]["messages"], 2);
  EXPECT_EQ(boxes[0]["unseen"], 1);
  EXPECT_EQ(ctl({"db", "check", "--digests"}).code, kOk);
}

TEST_F(Ctl, ImportNeedsAMailboxOrCreate) {
  add("alice@example.net");
  const std::string file = folder_.write("a.eml", kSecond);
  EXPECT_EQ(ctl({"message", "import", "alice@example.net", "Old/2019", file}).code, kNotFound);
  EXPECT_EQ(ctl({"message", "import", "alice@example.net", "Old/2019", file, "--create"}).code, kOk);
  const std::string tree = ctl({"mailbox", "tree", "alice@example.net"}).out;
  EXPECT_TRUE(holds(tree, "└─ 2019")) << tree;
  EXPECT_EQ(ctl({"message", "import", "alice@example.net", "INBOX", folder_.path("nothing")}).code, kNotFound);
  for (const std::string name : {"tab\ty", "a\x7f", "line\r\nend", "\xe2\x80\xa8", "\xc2\x85", "\xff"}) {
    const Outcome odd = ctl({"message", "import", "alice@example.net", name, file, "--create"});
    EXPECT_NE(odd.code, kOk) << name;
  }
}

TEST_F(Ctl, ImportLeavesOutOnlyWhatDoesNotFit) {
  ASSERT_EQ(ctl({"user", "add", "alice@example.net", "--no-password", "--quota-messages", "2"}).code, kOk);
  for (int i = 0; i < 4; ++i) folder_.write("in/" + std::to_string(i) + ".eml", kSecond);
  const Outcome imported = json({"message", "import", "alice@example.net", "INBOX", folder_.path("in")});
  EXPECT_EQ(imported.code, kFailed);
  EXPECT_EQ(imported.json()["imported"], 2);
  EXPECT_EQ(imported.json()["skipped"].size(), 2U);
}

TEST_F(Ctl, ImportNamesWhatIsNoMessageFile) {
  add("alice@example.net");
  folder_.write("in/a.eml", kSecond);
  std::filesystem::create_symlink(folder_.path("gone"), folder_.path("in/b.eml"));
  ASSERT_EQ(::mkfifo(folder_.path("in/c.eml").c_str(), 0600), 0);
  folder_.write("in/d.txt", kSecond);
  const Outcome imported = json({"message", "import", "alice@example.net", "INBOX", folder_.path("in")});
  EXPECT_EQ(imported.code, kFailed);
  EXPECT_EQ(imported.json()["imported"], 1);
  EXPECT_EQ(imported.json()["skipped"].size(), 2U);
  EXPECT_NE(ctl({"message", "import", "alice@example.net", "INBOX", folder_.path("in/c.eml")}).code, kOk);
}

TEST_F(Ctl, ImportTakesNulAsADepositDoes) {
  add("alice@example.net");
  const std::string body = "Subject: nul\r\n\r\none" + std::string(1, '\0') + "two\r\n";
  const std::string header = "Subject: a" + std::string(1, '\0') + "b\r\n\r\nbody\r\n";
  folder_.write("in/1.eml", body);
  folder_.write("in/2.eml", header);
  const Outcome imported = json({"message", "import", "alice@example.net", "INBOX", folder_.path("in")});
  EXPECT_EQ(imported.json()["imported"], 1);
  EXPECT_EQ(imported.json()["skipped"].size(), 1U);
  const std::string stored = ctl({"message", "show", "alice@example.net", "INBOX", "1", "--raw"}).out;
  EXPECT_EQ(stored.find('\0'), std::string::npos);
  EXPECT_TRUE(holds(stored, "Content-Transfer-Encoding: base64")) << stored;
}

TEST_F(Ctl, ATakenAliasIsNamed) {
  add("alice@example.net");
  const Outcome taken = ctl({"user", "add", "bob@example.net", "--no-password", "--alias", "alice@example.net"});
  EXPECT_TRUE(holds(taken.err, "cpmctl user show alice@example.net")) << taken.err;
}

TEST_F(Ctl, ExportedIsImportedAsTheSame) {
  add("alice@example.net");
  add("bob@example.net");
  std::string big = kSecond;
  while (big.size() < 300000) big += "From the line number " + std::to_string(big.size()) + "\r\n";
  folder_.write("md/cur/1554120000.a:2,SFa", with_lf(kFirst));
  folder_.write("md/cur/1554120001.b:2,", with_lf(big));
  folder_.write("md/dovecot-keywords", "0 Work\n");
  ASSERT_EQ(ctl({"message", "import", "alice@example.net", "INBOX", folder_.path("md")}).code, kOk);
  for (const std::string format : {"mbox", "maildir", "eml"}) {
    const std::string to = folder_.path("out-" + format);
    const Outcome exported = json({"message", "export", "alice@example.net", "INBOX", "--format", format, "--to", to});
    ASSERT_EQ(exported.code, kOk) << exported.err;
    EXPECT_EQ(exported.json()["exported"], 2);
    ASSERT_EQ(ctl({"message", "import", "bob@example.net", "From/" + format, to, "--create"}).code, kOk);
    EXPECT_EQ(ctl({"message", "show", "bob@example.net", "From/" + format, "1", "--raw"}).out, kFirst) << format;
    EXPECT_EQ(ctl({"message", "show", "bob@example.net", "From/" + format, "2", "--raw"}).out, big) << format;
    const Json before = json({"message", "list", "alice@example.net", "INBOX"}).json();
    const Json after = json({"message", "list", "bob@example.net", "From/" + format}).json();
    EXPECT_EQ(before[0]["internal_date"], after[0]["internal_date"]) << format;
    if (format == "maildir") {
      EXPECT_EQ(after[0]["flags"], Json({"\\Flagged", "\\Seen", "Work"}));
    }
  }
  const Outcome stream = ctl({"message", "export", "alice@example.net", "INBOX", "--format", "mbox", "--to", "-"});
  EXPECT_TRUE(stream.out.starts_with("From alice@example.net ")) << stream.out.substr(0, 80);
  EXPECT_TRUE(holds(stream.err, "exported 2 messages"));
}

TEST_F(Ctl, ExportsAllMailboxes) {
  add("alice@example.net");
  const std::string file = folder_.write("a.eml", kSecond);
  ASSERT_EQ(ctl({"message", "import", "alice@example.net", "INBOX", file}).code, kOk);
  ASSERT_EQ(ctl({"message", "import", "alice@example.net", "Work/2024", file, "--create"}).code, kOk);
  ASSERT_EQ(ctl({"message", "export", "alice@example.net", "--format", "mbox", "--to", folder_.path("all")}).code, kOk);
  EXPECT_TRUE(holds(folder_.read("all/Work/2024.mbox"), "Subject: two\n"));
  EXPECT_TRUE(holds(folder_.read("all/INBOX.mbox"), "Subject: two\n"));
  EXPECT_EQ(ctl({"message", "export", "alice@example.net", "--format", "mbox", "--to", folder_.path("all")}).code,
            kExists);
  EXPECT_EQ(ctl({"message", "export", "alice@example.net", "--format", "mbox", "--to", "-"}).code, kUsage);
}

TEST_F(Ctl, ExportGoesOnBehindABadRow) {
  add("alice@example.net");
  for (int i = 1; i <= 5; ++i)
    folder_.write("in/" + std::to_string(i) + ".eml", "Subject: " + std::to_string(i) + "\r\n\r\nx\r\n");
  ASSERT_EQ(ctl({"message", "import", "alice@example.net", "INBOX", folder_.path("in")}).code, kOk);
  test_.execute(
      "update content_chunk set data = substr(data, 1, 3) where content_id = (select content_id from message where uid "
      "= 3)");
  const Outcome exported =
      json({"message", "export", "alice@example.net", "INBOX", "--format", "eml", "--to", folder_.path("out")});
  EXPECT_EQ(exported.code, kFailed);
  EXPECT_EQ(exported.json()["exported"], 4);
  ASSERT_EQ(exported.json()["skipped"].size(), 1U);
  EXPECT_EQ(exported.json()["skipped"][0]["where"], "INBOX UID 3");
  EXPECT_EQ(folder_.read("out/5.eml"), "Subject: 5\r\n\r\nx\r\n");
  EXPECT_FALSE(std::filesystem::exists(folder_.path("out/3.eml")));
  EXPECT_EQ(ctl({"db", "check", "--digests"}).code, kFailed);
}

TEST_F(Ctl, TellsAndMigratesTheSchema) {
  const Json current = json({"db", "status"}).json();
  EXPECT_EQ(current["state"], "current");
  EXPECT_EQ(current["schema"], current["known"]);
  TestDatabase empty(1, false);
  const auto on_empty = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--set", "database.url=" + empty.url()});
    std::istringstream in;
    std::ostringstream out, err;
    const int code = run(arguments, Streams{in, out, err}, {});
    return Outcome{code, out.str(), err.str()};
  };
  EXPECT_TRUE(holds(on_empty({"db", "status"}).out, "empty"));
  const Outcome refused = on_empty({"user", "list"});
  EXPECT_EQ(refused.code, kFailed);
  EXPECT_TRUE(holds(refused.err, "db migrate")) << refused.err;
  EXPECT_EQ(on_empty({"db", "migrate"}).code, kOk);
  EXPECT_TRUE(holds(on_empty({"db", "migrate"}).out, "nothing to do"));
  EXPECT_EQ(on_empty({"user", "list"}).code, kOk);
}

}  // namespace
}  // namespace cpm::admin
