#include "admin/cli.h"

#include "admin/output.h"
#include "admin/tree_text.h"
#include "tests/admin/folder.h"

#include <gtest/gtest.h>

#include <sstream>

namespace cpm::admin {
namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome ctl(const std::vector<std::string>& arguments, const std::string& input = {}) {
  std::istringstream in(input);
  std::ostringstream out, err;
  const int code = run(arguments, Streams{in, out, err}, {});
  return {code, out.str(), err.str()};
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(CliUsage, IsToldWithExitCode2) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"nonsense"},
                                                    {"user"},
                                                    {"user", "add"},
                                                    {"user", "add", "a@b", "--nonsense"},
                                                    {"service", "add", "x", "--role", "king", "--for", "*"},
                                                    {"message", "show", "a@b", "INBOX", "0"}}) {
    const Outcome outcome = ctl(arguments);
    EXPECT_EQ(outcome.code, kUsage);
    EXPECT_TRUE(holds(outcome.err, "--help")) << outcome.err;
    EXPECT_TRUE(outcome.out.empty()) << outcome.out;
  }
}

TEST(CliUsage, NamesTheDeepestCommand) {
  EXPECT_TRUE(holds(ctl({"user", "alias", "add", "a@b"}).err, "cpmctl user alias add --help"));
}

TEST(CliHelp, TeachesByExample) {
  const Outcome noun = ctl({"user", "--help"});
  EXPECT_EQ(noun.code, kOk);
  EXPECT_TRUE(holds(noun.out, "cpmctl user add alice@example.net")) << noun.out;
  EXPECT_TRUE(holds(ctl({"user", "add", "--help"}).out, "--quota-storage"));
  EXPECT_TRUE(holds(ctl({"--help"}).out, "Exit codes"));
}

TEST(CliStore, MustBeNamed) {
  const Outcome outcome = ctl({"user", "list"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_TRUE(holds(outcome.err, "--data DIR")) << outcome.err;
}

TEST(CliStore, IsAwayWithoutAServer) {
  const test::Folder folder;
  const Outcome outcome = ctl({"--data", folder.path(), "user", "list"});
  EXPECT_EQ(outcome.code, kUnavailable);
  EXPECT_TRUE(holds(outcome.err, "cpmstored --data")) << outcome.err;
  EXPECT_EQ(ctl({"user", "list", "--set", "database.url=host=/nonexistent"}).code, kUnavailable);
  EXPECT_EQ(ctl({"--data", folder.path(), "session", "list"}).code, kUnavailable);
  folder.write("run.json", R"({"database": "host=/nonexistent", "http": ""})");  // a server that was killed
  const Outcome stale = ctl({"--data", folder.path(), "user", "list"});
  EXPECT_EQ(stale.code, kUnavailable);
  EXPECT_TRUE(holds(stale.err, "Is the server running?")) << stale.err;
}

TEST(CliErrors, AreJsonWhenAskedFor) {
  const Outcome outcome = ctl({"user", "list", "--json"});
  const Json object = Json::parse(outcome.err);
  EXPECT_EQ(object["ok"], false);
  EXPECT_EQ(object["failure"], "invalid");
}

TEST(CliConfig, NamesMistakesAndPrints) {
  const test::Folder folder;
  const std::string good = folder.write("good.toml", "[limits]\nmailboxes = 7\n");
  EXPECT_EQ(ctl({"--config", good, "config", "check"}).code, kOk);
  const Json changed = Json::parse(ctl({"--config", good, "config", "print", "--changed", "--json"}).out);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0]["key"], "limits.mailboxes");
  EXPECT_EQ(changed[0]["value"], "7");
  EXPECT_TRUE(holds(ctl({"--config", good, "config", "print"}).out, "limits.mailboxes"));
  for (const std::string url : {"garbage-hunter2", "postgresql://u:hunter2/p@h/db"}) {
    const Outcome wrong = ctl({"--set", "database.url=" + url, "config", "check"});
    EXPECT_NE(wrong.code, kOk) << url;
    EXPECT_EQ((wrong.out + wrong.err).find("hunter2"), std::string::npos) << wrong.err;
  }
  const Outcome bad = ctl({"--config", folder.write("bad.toml", "[limits]\nmailboxs = 7\n"), "config", "check"});
  EXPECT_EQ(bad.code, kUsage);
  EXPECT_TRUE(holds(bad.err, "limits.mailboxes")) << bad.err;
  const Outcome masked = ctl({"--set", "database.url=postgresql://u:geheim@h/d", "config", "print", "--json"});
  EXPECT_FALSE(holds(masked.out, "geheim"));
}

TEST(CliTree, EveryVerbExplainsItself) {
  std::ostringstream out, err;
  std::istringstream in;
  Context context(Streams{in, out, err});
  const auto tree = make_tree(context);
  std::vector<const CLI::App*> open = {tree.get()};
  std::size_t verbs = 0;
  while (!open.empty()) {
    const CLI::App* app = open.back();
    open.pop_back();
    EXPECT_FALSE(app->get_description().empty()) << app->get_name();
    EXPECT_NE(app->get_footer().find("Examples:"), std::string::npos) << app->get_name();
    for (const CLI::Option* option : app->get_options([](const CLI::Option*) { return true; })) {
      EXPECT_FALSE(option->get_description().empty()) << app->get_name() << " " << option->get_name();
    }
    const auto below = app->get_subcommands([](const CLI::App*) { return true; });
    if (below.empty()) ++verbs;
    open.insert(open.end(), below.begin(), below.end());
  }
  EXPECT_GT(verbs, 25U);
}

TEST(CliDeposit, PrintsTheObjectsOfTheDemo) {
  const std::string demo = std::string(CPMSTORE_SOURCE_DIR) + "/tests/demo/conversation/conversation.jsonl";
  const Outcome shown = ctl({"deposit", "--dry-run", demo});
  EXPECT_EQ(shown.code, kOk) << shown.err;
  EXPECT_TRUE(holds(shown.out, ": Default/gc-51ab/gc-51ab (\\Seen) 03-Nov-2026 18:00:00 +0000, ")) << shown.out;
  const Outcome json = ctl({"deposit", "--dry-run", "--json", demo});
  std::istringstream lines(json.out);
  std::size_t objects = 0;
  for (std::string line; std::getline(lines, line); ++objects) EXPECT_TRUE(Json::parse(line).contains("octets_base64"));
  EXPECT_EQ(objects, 24U);
}

TEST(CliDeposit, NamesMistakes) {
  EXPECT_EQ(ctl({"deposit", "--dry-run", "/nonexistent"}).code, kNotFound);
  const Outcome wrong = ctl({"deposit", "--dry-run", "-"}, "{\"type\":\"chat\"}\n");
  EXPECT_EQ(wrong.code, kUsage);
  EXPECT_TRUE(holds(wrong.err, "line 1: an object of type \"chat\" needs \"date\"")) << wrong.err;
  const test::Folder folder;
  const std::string empty = folder.write("empty.jsonl", "# nothing\n");
  EXPECT_TRUE(holds(ctl({"deposit", empty}).err, "--for alice@example.net"));
  EXPECT_TRUE(holds(ctl({"deposit", empty, "--for", "a@b"}).err, "--password-stdin"));
  EXPECT_TRUE(holds(ctl({"deposit", empty, "--for", "a@b", "--password-stdin"}, "secret\n").err, "no store was named"));
  EXPECT_TRUE(holds(ctl({"deposit", empty, "--for", "a@b", "--password-stdin", "--server", "::"}, "secret\n").err,
                    "is not a server as store.example.net:993"));
  EXPECT_EQ(ctl({"deposit", empty, "--plain", "--starttls"}).code, kUsage);
  EXPECT_EQ(ctl({"deposit", empty, "--generation", "3"}).code, kUsage);
}

TEST(CliCompletion, KnowsEveryCommand) {
  const std::string bash = ctl({"completion", "bash"}).out;
  EXPECT_TRUE(holds(bash, "\"user alias add\")"));
  EXPECT_TRUE(holds(bash, "complete -o filenames -F _cpmctl cpmctl"));
  EXPECT_TRUE(holds(bash, "\"conversation export --format\") COMPREPLY=($(compgen -W \"html json\""));
  EXPECT_TRUE(holds(bash, "\"message import --format\") COMPREPLY=($(compgen -W \"auto mbox maildir eml\""));
  EXPECT_TRUE(holds(bash, " show create drop\""));  // of db text-index
  const std::string zsh = ctl({"completion", "zsh"}).out;
  EXPECT_TRUE(holds(zsh, "#compdef cpmctl"));
  EXPECT_TRUE(holds(zsh, "\"conversation export --format\") compadd html json; return ;;"));
  EXPECT_EQ(ctl({"completion", "fish"}).code, kUsage);
}

TEST(CliManual, HasAPageForEachNoun) {
  const std::string page = ctl({"man", "message"}).out;
  EXPECT_TRUE(holds(page, ".TH CPMCTL\\-MESSAGE 1"));
  EXPECT_TRUE(holds(page, "cpmctl message import"));
  EXPECT_TRUE(holds(ctl({"man"}).out, ".SH EXIT STATUS"));
  EXPECT_EQ(ctl({"man", "nonsense"}).code, kNotFound);
  const test::Folder folder;
  EXPECT_EQ(ctl({"man", "--to", folder.path("man1")}).code, kOk);
  EXPECT_TRUE(holds(folder.read("man1/cpmctl-user.1"), "user alias add"));
}

TEST(TableText, ReplacesControlCharacters) {
  EXPECT_EQ(printable("a\x1b[31mb\r\n\x7f"), "a?[31mb???");
  EXPECT_EQ(printable("\xc2\x9b"
                      "x\xc3\xbc"),
            "?x\xc3\xbc");
}

TEST(TableText, AlignsByCharacters) {
  Table table({"NAME", ">N"});
  table.add({"\xc3\xbc", "1"});
  table.add({"abcdef", "22"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(), "NAME     N\n\xc3\xbc        1\nabcdef  22\n");
}

}  // namespace
}  // namespace cpm::admin
