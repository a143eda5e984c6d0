from ingress.media.child import main

main()
