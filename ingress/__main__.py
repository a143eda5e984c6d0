from ingress.main import main

raise SystemExit(main())
